"""From settings to what the core knows of taxes: rules by date, stamp duty, levies, the provider as a seller."""

from netbilld.billing.bhp import LEVY_RATES, LevyRates
from netbilld.billing.faktur import FakturForm, Seller
from netbilld.billing.stamp_duty import STAMP_DUTY_RULES, StampDutyRule
from netbilld.billing.tax import PPN_RULES, TaxPolicy, TaxRule
from netbilld.daemon.settings import Settings
from netbilld.model.errors import RefusedError
from netbilld.services.paying import PaymentTaxes


def tax_policy(settings: Settings) -> TaxPolicy:
    """Return what is taxed and by which rules: the built-in ones, and the settings' beside or instead of them."""
    rules = {(rule.code, rule.valid_from): rule for rule in PPN_RULES}
    for said in settings.tax.rules:
        rules[said.code, said.valid_from] = TaxRule(said.code, said.valid_from, said.rate, said.base, said.trx_code)
    stamps = stamp_duty_rules(settings) if settings.tax.stamp_duty == "line" else ()
    return TaxPolicy(settings.tax.is_pkp, tuple(rules.values()), stamps)


def payment_taxes(settings: Settings) -> PaymentTaxes:
    """Return the taxes that a payment meets: of what it renews, and of what is withheld from it."""
    return PaymentTaxes(tax_policy(settings), settings.tax.pph23)


def stamp_duty_rules(settings: Settings) -> tuple[StampDutyRule, ...]:
    """Return which documents need a stamp, by date."""
    said = (StampDutyRule(one.valid_from, one.duty, one.above) for one in settings.tax.stamp_duty_rules)
    rules = {rule.valid_from: rule for rule in (*STAMP_DUTY_RULES, *said)}
    return tuple(rules.values())


def levy_rates(settings: Settings) -> tuple[LevyRates, ...]:
    """Return the rates of BHP and USO, by year."""
    said = (LevyRates(one.from_year, one.bhp, one.uso) for one in settings.tax.levy_rates)
    rates = {rate.from_year: rate for rate in (*LEVY_RATES, *said)}
    return tuple(rates.values())


def seller(settings: Settings) -> Seller:
    """Return the provider as Coretax knows it.

    Raises:
        RefusedError: the settings name no tax id.
    """
    if settings.tax.tin is None:
        raise RefusedError("the provider's tax id is not set", hint="settings: tax.tin, 16 digits", code="no_tin")
    return Seller(settings.tax.tin, settings.tax.branch)


def faktur_form(settings: Settings) -> FakturForm:
    """Return how files for Coretax are written."""
    tax = settings.tax
    return FakturForm(tax.coretax_decimals, nik_as_tin=tax.coretax_nik == "tin", doc_month=tax.coretax_doc_month)
