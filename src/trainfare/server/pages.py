"""Every page of the dashboard, for the application."""

from __future__ import annotations

from trainfare.server import (
    advice_pages,
    bill_pages,
    budget_pages,
    commitment_pages,
    decision_pages,
    money_pages,
    overview,
    part,
    picture,
    resource_pages,
    run_pages,
    setting_forms,
    setting_pages,
    word_pages,
)

PAGES = [
    overview.overview,
    run_pages.run_list,
    run_pages.run_page,
    run_pages.compare,
    resource_pages.resources,
    money_pages.teams,
    money_pages.experiments,
    money_pages.prices,
    advice_pages.advice,
    commitment_pages.commitments,
    decision_pages.decide_advice,
    bill_pages.bills,
    bill_pages.upload_bill,
    bill_pages.allocate,
    bill_pages.charge_page,
    budget_pages.budgets,
    budget_pages.put_budget,
    budget_pages.delete_budget,
    budget_pages.acknowledge_alert,
    setting_pages.settings,
    setting_forms.make_token,
    setting_forms.rotate_token,
    setting_forms.revoke_token,
    setting_forms.run_job,
    word_pages.words,
    part.part,
    part.table_file,
    picture.chart,
    picture.chart_table,
]
"""Handlers that answer a browser."""
