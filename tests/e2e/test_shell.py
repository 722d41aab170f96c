"""The shell holds in a browser: fresh deep links, navigation, both colour schemes, narrow screens, no request elsewhere."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

PAGES = {"": "Causeway", "data": "Data", "discovery": "Causal discovery", "jobs": "Runs"}


def heading(page, name):
    return page.get_by_role("heading", name=name, exact=True, level=1)


def test_first_visit_of_a_fresh_server_may_be_a_deep_link(make_server, page):
    server = make_server()
    page.goto(f"{server.url}/discovery")
    expect(heading(page, "Causal discovery")).to_be_visible()
    expect(page.get_by_role("link", name="Home")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page).to_have_title("Causal discovery · Causeway")


def test_every_page_is_reached_by_the_navigation(server, page):
    page.goto(server.url)
    expect(heading(page, "Causeway")).to_be_visible()
    for path, title in list(PAGES.items())[1:]:
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
        expect(heading(page, title)).to_be_visible()
        assert page.url.split("?")[0].endswith(f"/{path}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_and_ink_follow_the_colour_scheme_and_the_font_is_the_bundled_one(server, new_page, scheme):
    page = new_page(color_scheme=scheme)
    page.goto(server.url)
    expect(heading(page, "Causeway")).to_be_visible()
    paper, ink = (_lightness(page, selector, name) for selector, name in ((".stApp", "backgroundColor"), ("h1", "color")))
    assert paper > 0.9 and ink < 0.3 if scheme == "light" else paper < 0.2 and ink > 0.8
    logo = page.get_by_test_id("stSidebarHeader").locator("img").first
    expect(logo).to_be_visible()
    page.wait_for_function("document.fonts.check('16px \"IBM Plex Sans\"') && [...document.fonts].some(f => f.status === 'loaded')")


def test_nothing_is_wider_than_a_phone(server, new_page):
    page = new_page(viewport={"width": 390, "height": 844})
    for path, title in PAGES.items():
        page.goto(f"{server.url}/{path}")
        expect(heading(page, title)).to_be_visible()
        page.wait_for_function("!document.querySelector('[data-test-script-state=running]')")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") == 0, path


def _lightness(page, selector, name):
    color = page.locator(selector).first.evaluate("(element, name) => getComputedStyle(element)[name]", name)
    return sum(float(part) for part in color[color.index("(") + 1 : -1].split(",")[:3]) / (3 * 255)
