"""Portfolios and backtests: pick prices, pick estimators, walk through time, and see whose portfolio risked least."""

import streamlit as st

from engine import catalogue
from pages.parts import backtest, frame, market, run

QUESTION = "Which estimate of risk leads to the calmest portfolio? Walk through time on your own prices, and see what is more than chance."

frame.header("Portfolios and backtests", QUESTION)

run.adopt()
data_place, factors_place, button_place = st.columns([3, 3, 2], vertical_alignment="bottom")
with data_place:
    prices = market.prices()
with factors_place:
    factors = market.factors()
method = catalogue.find("backtest")
result = None
if market.about(prices):
    params = market.settings(method, prices, factors)
    data = market.together(prices, factors)
    result = run.panel(method, data, params, "Run the backtest", button_place, backtest.so_far)
if result:
    backtest.show(result, data)

frame.about(method)
