"""The simulated site: projects, people, fields, tickets."""
