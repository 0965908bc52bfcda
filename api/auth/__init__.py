"""Authentication and authorisation of API clients and operators."""
