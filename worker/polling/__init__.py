"""Reading from Jira what webhooks did not bring."""
