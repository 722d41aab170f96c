"""From a fresh server to the cells of a drawn molecule: one click to the page, one to the board, one on it, and no request elsewhere."""

import pytest
from playwright.sync_api import expect

from engine.molimage.model import MODELS

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not (MODELS / "shipped.safetensors").is_file(), reason="no model is shipped yet")]


BARS_PX = (24, 50, 0, 22)  # what the tools of the board take of its left, top, right and bottom


def test_cells_of_a_drug_and_of_another_are_two_clicks_away(server, page):
    page.goto(server.url)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Cell images").click()
    expect(page.get_by_role("button", name="Enlarge image 16")).to_be_visible()
    picture = page.locator(".sheet img").get_attribute("src")
    page.get_by_test_id("stMain").get_by_text("aspirin", exact=True).click()
    expect(page.locator(".sheet img")).not_to_have_attribute("src", picture)
    expect(page.get_by_test_id("stCode").first).to_have_text("CC(=O)Oc1ccccc1C(=O)O")
    page.get_by_role("button", name="Enlarge image 3").click()
    expect(page.get_by_role("dialog").get_by_text("image 3")).to_be_visible()


def test_what_is_drawn_on_the_board_is_what_cells_are_drawn_for(server, page):
    page.goto(f"{server.url}/molimage?molecule=C")
    expect(page.get_by_role("button", name="Enlarge image 16")).to_be_visible()
    picture = page.locator(".sheet img").get_attribute("src")
    page.get_by_test_id("stMain").get_by_text("Drawing board", exact=True).click()
    expect(page.locator(".sketch[data-ready]")).to_be_visible()
    place = page.locator(".sketch .board").bounding_box()
    left, top, right, bottom = BARS_PX
    middle = (place["x"] + (left + place["width"] - right) / 2, place["y"] + (top + place["height"] - bottom) / 2)
    page.mouse.move(*middle)
    page.mouse.click(*middle)  # a bond to the only atom
    expect(page.get_by_test_id("stCode").first).to_have_text("CC")
    expect(page.locator(".sheet img")).not_to_have_attribute("src", picture)
    assert page.url.endswith("molecule=CC")


def test_cells_fit_on_a_phone(server, new_page):
    page = new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.goto(f"{server.url}/molimage")
    expect(page.get_by_role("button", name="Enlarge image 16")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollWidth - main.clientWidth") == 0
