"""The estimator behaves as scikit-learn's do, and drops into their and skfolio's pipelines."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import engine
from engine.core import UserError
from engine.mtp2 import MTP2Covariance


@pytest.fixture(scope="module")
def returns():
    return engine.data.to_returns(engine.sample("stocks")).frame.iloc[-500:]


def test_both_matrices_are_inverses_and_named(returns):
    fitted = MTP2Covariance().fit(returns)
    off = ~np.eye(20, dtype=bool)
    np.testing.assert_allclose(fitted.covariance_ @ fitted.precision_, np.eye(20), atol=1e-10)
    assert (fitted.precision_[off] <= 0).all()
    assert (fitted.covariance_[off] >= 0).all()
    np.testing.assert_allclose(np.diag(fitted.covariance_), returns.var(ddof=0), rtol=1e-7)
    assert list(fitted.feature_names_in_) == list(returns.columns)
    assert fitted.gap_ <= 1e-8


def test_it_is_the_method(returns, run):
    fitted = MTP2Covariance(correlation="kendall").fit(returns)
    found = run("mtp2", engine.Dataset(returns, kind="returns"), correlation="kendall")
    np.testing.assert_array_equal(fitted.precision_, found.precision.to_numpy())


def test_units_do_not_matter(returns):
    units = np.exp(np.random.default_rng(0).normal(size=20) * 5)
    one, other = MTP2Covariance().fit(returns), MTP2Covariance().fit(returns * units)
    np.testing.assert_allclose(other.covariance_ / np.outer(units, units), one.covariance_, rtol=1e-10)
    np.testing.assert_allclose(other.precision_ * np.outer(units, units), one.precision_, rtol=1e-9, atol=1e-10 * one.precision_.max())


def test_it_lives_in_scikit_learn(returns):
    assert clone(MTP2Covariance(tolerance=1e-6)).get_params()["tolerance"] == 1e-6
    assert make_pipeline(StandardScaler(), MTP2Covariance()).fit(returns)[-1].covariance_.shape == (20, 20)
    assert np.isfinite(cross_val_score(MTP2Covariance(), returns.to_numpy(), cv=3)).all()
    chosen = GridSearchCV(MTP2Covariance(), {"correlation": ["pearson", "kendall"]}, cv=2).fit(returns.to_numpy())
    assert chosen.best_params_["correlation"] in ("pearson", "kendall")


def test_it_drops_into_skfolio(returns):
    from skfolio.moments import BaseCovariance
    from skfolio.optimization import MeanRisk
    from skfolio.prior import EmpiricalPrior

    from engine.portfolio.long_only import long_only_minimum_variance

    BaseCovariance.register(MTP2Covariance)
    theirs = MeanRisk(prior_estimator=EmpiricalPrior(covariance_estimator=MTP2Covariance())).fit(returns)
    ours = long_only_minimum_variance(MTP2Covariance().fit(returns).covariance_)
    np.testing.assert_allclose(theirs.weights_, ours, atol=1e-3)


def test_bad_input_is_named(returns):
    twice = returns.assign(COPY=returns["KO"])
    with pytest.raises(UserError, match="KO and COPY move as one"):
        MTP2Covariance().fit(twice)
    with pytest.raises(UserError, match="Column KO never varies"):
        MTP2Covariance().fit(returns.assign(KO=1.0))
    with pytest.raises(ValueError, match="NaN"):
        MTP2Covariance().fit(pd.DataFrame(np.full((5, 3), np.nan)))
