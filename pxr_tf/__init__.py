"""A laboratory for pneumonia and COVID-19 classification of chest X-rays. Research use, not a medical device."""

__version__ = "0.2.0"
