"""The ledger, and where each attack and fault of reference/ledger.md is carried out. ``test_cases.py`` holds this table
to the tests: each one it names is there, and each of the twenty groups has some.

The detection matrix (reference 5) on real rows, on SQLite and PostgreSQL: each attack by its name, the layers that must
find it and the first thing that must be named, and which of them nothing can find:
    store/test_detection.py::test_every_attack_is_found_by_exactly_the_layers_that_should_find_it
    store/test_detection.py::test_nothing_is_added_to_a_database_that_is_behind_its_checkpoint_or_another
    ledger/test_detection.py::test_found_by_exactly_these_layers (the same in memory, with more forms of each)
    ledger/test_detection.py::test_a_key_read_from_the_database_finds_nothing_before_the_witness
    ledger/test_detection.py::test_without_an_outside_copy_the_stolen_key_passes

The groups of cases (reference 8):

1 bodies, hashes, heads, checkpoints edited; another key; the stolen key
    store/test_detection.py::test_every_attack_is_found_by_exactly_the_layers_that_should_find_it
    ledger/test_verification.py::test_any_changed_byte_of_a_body_is_found
    commandline/test_audit.py::test_verify_names_the_first_wrong_record_and_ends_with_one
    web/test_audit.py::test_the_page_of_an_altered_record_says_that_something_is_wrong
    store/test_detection.py::test_of_one_change_every_attack_is_found_that_touches_it
    commandline/test_audit.py::test_what_was_taken_out_of_a_change_is_found_and_no_evidence_is_made_of_the_rest
2 rows gone at the beginning, in the middle, at the end, all; an older backup in place of the database
    store/test_detection.py::test_every_attack_is_found_by_exactly_the_layers_that_should_find_it
    store/test_checkpoints.py::test_a_restored_backup_is_recognised_and_nothing_is_added_until_somebody_looked
    store/test_checkpoints.py::test_a_program_notices_a_database_that_was_put_back_under_it_and_stops_all_others
    commandline/test_audit.py::test_a_restored_backup_is_explained_and_accepted_by_two_people
3 rows swapped, renumbered, twice, from another log
    store/test_detection.py::test_every_attack_is_found_by_exactly_the_layers_that_should_find_it
    ledger/test_verification.py::test_a_record_twice_is_named
4 times rewritten, backwards, in another form, outside the calendar
    ledger/test_detection.py::test_found_by_exactly_these_layers
    ledger/test_verification.py::test_a_time_in_another_form_is_found
    ledger/test_record.py::test_other_forms_of_a_time_are_refused_in_stored_bytes
    ledger/test_record.py::test_a_time_outside_the_calendar_is_refused
5 columns, frontiers, tiles, checkpoint sizes; malformed notes; values of another kind than their column's
    store/test_rebuilding.py::test_lost_tiles_stop_the_ledger_and_are_made_again
    store/test_rebuilding.py::test_nothing_that_was_altered_is_covered_up_by_it
    store/test_detection.py::test_what_is_not_even_of_its_columns_kind_is_named
    store/test_checkpoints.py::test_a_checkpoint_that_cannot_be_read_any_more_stops_the_ledger
    ledger/test_verification.py::test_each_edited_missing_or_added_column_is_named
    ledger/test_verification.py::test_a_checkpoint_row_with_another_size_is_found
    ledger/test_note.py::test_malformed_notes_are_refused_by_name
    ledger/test_note.py::test_sixteen_signatures_are_accepted_and_seventeen_are_not
6 proofs that are too long, too short, of another index, size or root; a node passed off as a leaf
    ledger/test_proofs.py::test_any_change_to_an_inclusion_proof_is_refused
    ledger/test_proofs.py::test_any_change_to_a_consistency_proof_is_refused
    ledger/test_proofs.py::test_there_is_no_such_leaf
    ledger/test_proofs.py::test_a_node_cannot_be_passed_off_as_a_leaf
7 values and salts; erased with and without a record, twice, back from a backup; words left in an index or a file
    ledger/test_verification.py::test_an_erasure_without_a_record_is_found
    store/test_erasing.py::test_the_words_and_the_person_are_gone_and_everything_still_verifies
    store/test_erasing.py::test_values_that_vanish_without_a_record_and_come_back_after_one_are_found
    store/test_erasing.py::test_an_erasure_needs_a_reason_two_others_and_somebody_who_left
8 delivered again: at once, after a kill, with other content, after an erasure, after a workflow's reset
    store/test_recording.py::test_delivered_by_several_processes_at_once_it_happens_once
    store/test_recording.py::test_killed_between_commit_and_answer_it_has_happened_and_is_answered
    store/test_ledger.py::test_a_key_that_is_on_record_is_answered_and_never_means_something_else
    store/test_ledger_cases.py::test_a_retry_after_an_erasure_is_answered_by_what_is_on_record
    end_to_end/test_killed_worker.py::test_the_command_completes_once
    end_to_end/test_reset.py::test_a_reset_workflow_records_no_decision_twice
9 many writers, killed; a bad record in a batch, a key twice in one; a writer that ends
    store/test_ledger_under_fire.py::test_eight_writers_killed_at_random_record_each_key_once
    store/test_ledger_under_fire.py::test_eight_writers_killed_at_every_step_record_each_key_once
    store/test_ledger_cases.py::test_one_decision_several_times_in_one_commit_happens_once
    store/test_committing.py::test_a_bad_one_fails_alone
    store/test_committing.py::test_a_writer_that_is_ended_leaves_errors_and_no_hanging_callers
10 another isolation, none at all, a lock that is held, by us or another application
    store/test_ledger_under_fire.py::test_an_engine_of_another_isolation_still_appends
    store/test_ledger_under_fire.py::test_a_lock_that_is_held_for_too_long_is_an_error_that_can_be_tried_again
    store/test_ledger_cases.py::test_statement_by_statement_nothing_is_added
    store/test_ledger.py::test_an_appender_that_forgot_the_lock_is_an_error_and_never_a_fork
11 SQLite's files: read-only, full, failing, taken away, without their WAL; other programs; versions with a known bug
    store/test_bad_disks.py::test_a_disk_that_is_full_loses_nothing_and_is_said
    store/test_bad_disks.py::test_a_limit_on_the_size_of_a_file_loses_nothing_and_is_said
    store/test_bad_disks.py::test_a_file_that_is_taken_away_is_not_written_to_any_more
    store/test_ledger_under_fire.py::test_a_database_that_may_only_be_read_is_said
    store/test_ledger_under_fire.py::test_a_second_program_with_ordinary_transactions_waits_or_fails_and_never_forks
    store/test_checkpoints.py::test_a_copy_without_the_file_of_what_was_written_last_is_recognised
    store/test_ledger_cases.py::test_what_others_set_for_themselves_does_not_make_us_careless
    commandline/test_doctor.py::test_which_versions_of_sqlite_have_the_wal_reset_bug
12 PostgreSQL: connections ended, the server restarted and crashed, a replica that lagged, a pooler, a role
    store/test_ledger_under_fire.py::test_a_connection_that_is_ended_in_the_middle_leaves_nothing
    store/test_ledger_under_fire.py::test_a_server_on_which_may_only_be_read_is_said
    store/test_postgresql_servers.py::test_a_server_that_is_restarted_and_crashes_in_the_middle_loses_and_repeats_nothing
    store/test_postgresql_servers.py::test_a_replica_that_lagged_and_was_promoted_is_not_added_to
    store/test_postgresql_servers.py::test_behind_a_pooler_that_mixes_transactions_each_key_is_recorded_once
    store/test_carrying_over.py::test_the_programs_role_may_add_to_the_ledger_and_read_it_and_nothing_else
13 killed around a checkpoint; disks that fail at fsync and write; a full place outside
    store/test_ledger_cases.py::test_killed_while_sealing_the_next_round_finishes_it
    store/test_bad_disks.py::test_a_disk_that_fails_is_never_taken_for_one_that_wrote
    store/test_bad_disks.py::test_a_place_for_checkpoints_that_is_full_keeps_none_by_halves
    store/test_checkpoints.py::test_a_half_written_copy_is_not_there_and_a_destroyed_one_is_said
14 clocks: back, far ahead, several
    store/test_ledger_under_fire.py::test_clocks_do_not_order_the_log
    store/test_ledger.py::test_the_time_of_recording_never_goes_back_when_the_clock_does
15 bodies too long, too deep, out of the profile; characters of every kind
    ledger/test_canonical.py::test_what_is_outside_is_refused_with_its_place
    ledger/test_canonical.py::test_every_other_encoding_of_the_same_content_is_refused
    store/test_ledger.py::test_a_huge_body_is_refused_whole
    store/test_ledger_under_fire.py::test_hostile_texts_are_recorded_as_they_are_or_refused_with_a_reason
16 SQL and search syntax in filters, cursors, words
    web/test_audit.py::test_hostile_filters_find_nothing_and_break_nothing
17 formulas in CSV, HTML on pages, Markdown and line breaks in letters
    commandline/test_audit.py::test_other_formats_are_for_spreadsheets_and_other_systems
    ledger/test_exports.py::test_no_cell_is_computed_whatever_a_spreadsheet_takes_for_the_separator
    web/test_security.py::test_hostile_text_is_text
    notifications/test_hostile_words.py::test_a_packet_on_a_page_carries_hostile_words_harmlessly
18 exports: long ones, beside writers, with a line changed, gone or moved; bundles by another key, with and without one
    store/test_memory.py::test_memory_does_not_grow_with_the_log
    store/test_ledger_cases.py::test_an_export_holds_the_log_as_it_was_when_it_began
    commandline/test_audit.py::test_an_export_is_verified_line_by_line
    commandline/test_audit.py::test_what_was_altered_is_not_taken_out_as_evidence
    ledger/test_exports.py::test_what_the_log_does_not_hold_is_found_even_where_its_own_key_sealed_it
    ledger/test_exports.py::test_an_outsider_checks_an_export_with_one_file
    ledger/test_bundle.py::test_a_forgery_is_found_even_without_the_seal
    ledger/test_bundle.py::test_a_record_that_was_left_out_before_the_seal_leaves_a_gap
    ledger/test_bundle.py::test_signed_by_another_key_it_depends_on_the_pinned_one
    ledger/test_bundle.py::test_without_a_key_it_says_that_it_proves_nothing
19 who may read what; nobody behind an anonymous record; reading is on record
    web/test_audit.py::test_who_voted_is_for_auditors_and_for_themselves
    web/test_audit.py::test_reading_and_taking_out_leave_a_record_without_names
    web/test_anonymity.py::test_nothing_that_is_written_or_sent_says_who_it_was
    web/test_anonymity.py::test_no_row_says_in_which_minute_it_was
20 keys: missing, open to others, replaced, two programs with two, one for two uses
    ledger/test_keys.py::test_loose_permissions_are_told_with_the_repair
    ledger/test_note.py::test_one_key_has_another_id_for_another_use
    store/test_checkpoints.py::test_while_a_key_is_replaced_both_sign_and_each_can_be_trusted
    store/test_ledger_cases.py::test_a_second_program_with_another_key_is_found_by_whoever_pinned_one
    store/test_ledger_cases.py::test_without_a_usable_key_nothing_is_signed_and_it_is_said

Not carried out here: a power cut (durability rests on what fsync promises) and a network file system.
"""
