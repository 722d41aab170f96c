"""From a fresh server to the card of a drug: the simulated disease is ranked by one click, and no request goes elsewhere."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

# fewer random diseases and subsamples than the page asks for, so that the run takes seconds
QUICK = "nulls=20&resamples=4&subsamples=4"


def test_from_the_sample_to_why_a_drug_is_here(server, page):
    page.goto(f"{server.url}/repurposing?view=ranking&{QUICK}")
    page.get_by_role("button", name="Rank the drugs").click()
    expect(page.get_by_text("drugs by score would appear with random genes too")).to_be_visible()
    expect(page.get_by_text("The truth is known here")).to_be_visible()
    card = page.get_by_role("heading", name="Why is")
    expect(card).to_be_visible()
    expect(page.get_by_text("weakest link").first).to_be_visible()
    page.get_by_text("Target", exact=True).click()
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("[role=columnheader]", has_text="drugs")).to_have_count(1)
    table.evaluate("(table) => table.scrollIntoView({ block: 'center' })")
    place = table.bounding_box()
    page.mouse.click(place["x"] + 18, place["y"] + 35 * 4.5)  # the tick of the fourth row
    expect(page.get_by_text("The ticked row:")).to_be_visible()
    expect(card).to_have_count(1)
    page.get_by_role("tab", name="Interactome").click()
    expect(page.locator("[data-ready]").first).to_be_visible()
    assert "job=" in page.url


def test_the_overview_fits_on_a_phone(server, new_page):
    page = new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.goto(f"{server.url}/repurposing")
    expect(page.get_by_role("button", name="Run all six stages")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") == 0
