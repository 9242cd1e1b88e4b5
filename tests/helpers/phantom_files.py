"""The files of written phantoms."""


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def images_of(folder, label):
    names = {"bacterial": "_bacteria_", "viral": "_virus_", "normal": "IM-", "covid19": "covid-"}
    images = [path for name, path in files_of(folder).items() if not name.startswith(("masks/", "lesions/"))]
    return [path for path in images if names[label] in path.name and path.suffix == ".jpeg"]
