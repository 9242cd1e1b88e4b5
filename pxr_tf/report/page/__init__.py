"""The report of finished runs: one HTML page without scripts or network, its tables and its figures as files.

``sections``     what the page shows of one run, in order; each section is a function of the run
``comparison``   what it shows of several runs
``write``        the files; ``printed`` makes a PDF of the page
"""
