"""``pxr status``: how runs stand, from another terminal or machine."""

import json

from pxr_tf.commands.command_options import OptionValues, takes_options
from pxr_tf.commands.running import make_console


@takes_options
def status(options: OptionValues) -> None:
    """Show how the runs in a folder stand: which tasks run, where, since when; what failed; what is left."""
    from pxr_tf.errors import PxrError
    from pxr_tf.evidence.progress import check_folder, find_standings
    from pxr_tf.report.standings import as_records, print_standings

    check_folder(options.folder)
    found = find_standings(options.folder)
    if not found:
        place = str(options.folder)
        raise PxrError(f"FOLDER received {place!r}, which contains no run. Accepted: RUNS, or a folder in it.")
    if options.json:
        print(json.dumps(as_records(found), indent=2, ensure_ascii=False))
    else:
        print_standings(found, make_console())
