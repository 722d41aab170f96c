"""Total positivity (MTP2): covariance and graphs of variables that move together, without a tuning parameter."""
