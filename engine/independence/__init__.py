"""Tests of conditional independence, one way of asking for all of them."""
