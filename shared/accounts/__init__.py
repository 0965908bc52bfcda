"""Who may do what: tokens, operators, sessions, scopes, and the audit."""
