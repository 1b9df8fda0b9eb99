"""Who works here: people, teams and processes, their import from files, and who-reports-to-whom.

Pure apart from :func:`directory.importing.read_directory` and :func:`directory.export.write_directory`, which read
and write files and do nothing else. Keeping a directory between two imports is the work of ``store``.
"""
