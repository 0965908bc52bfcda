"""The operators' pages: rendered here, kept fresh by one small script, usable without it."""

from flask import Flask

from api.dashboard import (
    audit,
    deliveries,
    delivery_actions,
    errors,
    jira,
    jira_actions,
    jobs,
    layout,
    login,
    new_job,
    overview,
    task_actions,
    tasks,
)

PAGES = (
    overview.pages,
    tasks.pages,
    task_actions.pages,
    jobs.pages,
    new_job.pages,
    deliveries.pages,
    delivery_actions.pages,
    jira.pages,
    jira_actions.pages,
    audit.pages,
)


def register(app: Flask) -> None:
    """Put login, pages and their files into the application."""
    layout.register(app)
    errors.register(app)
    app.register_blueprint(login.blueprint)
    for pages in PAGES:
        app.register_blueprint(pages)
