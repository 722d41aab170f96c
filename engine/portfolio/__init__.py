"""Portfolios: prices in; covariance estimators, weights, backtests and tests of the difference out."""
