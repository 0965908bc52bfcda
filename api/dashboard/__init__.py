"""The dashboard: pages rendered on the server, refreshed by one small script, usable without it."""

from flask import Flask

from api.dashboard.account import login
from api.dashboard.account import views as account
from api.dashboard.audit import views as audit
from api.dashboard.deliveries import actions as delivery_actions
from api.dashboard.deliveries import views as deliveries
from api.dashboard.jira import actions as jira_actions
from api.dashboard.jira import views as jira
from api.dashboard.jobs import actions as job_actions
from api.dashboard.jobs import new_job
from api.dashboard.jobs import views as jobs
from api.dashboard.kit import error_pages, layout
from api.dashboard.overview import views as overview
from api.dashboard.tasks import actions as task_actions
from api.dashboard.tasks import views as tasks

PAGES = (
    overview.pages,
    tasks.pages,
    task_actions.pages,
    jobs.pages,
    new_job.pages,
    job_actions.pages,
    deliveries.pages,
    delivery_actions.pages,
    jira.pages,
    jira_actions.pages,
    audit.pages,
    account.pages,
)


def register(app: Flask) -> None:
    """Add the login, the pages and their static files to the application."""
    layout.register(app)
    error_pages.register(app)
    app.register_blueprint(login.blueprint)
    for pages in PAGES:
        app.register_blueprint(pages)
