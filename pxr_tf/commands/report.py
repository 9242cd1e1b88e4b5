"""``pxr report``: one HTML page of a finished run, or a page that compares several."""

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console, print_page


@takes_options
def report(options: OptionValues) -> None:
    """Write a report of a finished run: a page with its figures, warnings, checklists and methods; or compare runs."""
    from pxr_tf.evidence.files import complete_tables
    from pxr_tf.galleries.report_cases import find_cases
    from pxr_tf.report.page.facts import RunFacts
    from pxr_tf.report.page.printed import find_browser, print_pdf
    from pxr_tf.report.page.write import PDF, check_runs, write_report
    from pxr_tf.runs.finished import open_run

    console, browser = make_console(), find_browser() if options.pdf else None
    runs = [open_run(path, options.runs, bundles=False) for path in options.run]
    check_runs(runs)
    folder = options.out or (runs[0].folder if len(runs) == 1 else runs[0].folder.parent / "compared")
    with console.status("Writing the report ..."):
        for run in runs:
            complete_tables(run)
        facts = [RunFacts(run) for run in runs] if len(runs) > 1 else [RunFacts(runs[0], find_cases(runs[0]))]
        written = write_report(facts, folder)
        if browser:
            print_pdf(browser, written.page, folder / PDF)
    print_page(written, console)
