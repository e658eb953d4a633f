# The tests of the server's parts that need no connection of a client.
farhand_test(server_test
  SOURCES
    server/admission_test.cpp
    server/asked_user_test.cpp
    server/audit_fields_test.cpp
    server/audit_test.cpp
    server/command_choice_test.cpp
    server/command_directory_test.cpp
    server/command_input_test.cpp
    server/command_pump_test.cpp
    server/command_report_test.cpp
    server/commands_test.cpp
    server/config_test.cpp
    server/dispatch_test.cpp
    server/enrolment_test.cpp
    server/helper_process_test.cpp
    server/live_sessions_test.cpp
    server/long_line_test.cpp
    server/peer_user_test.cpp
    server/relay_test.cpp
    server/request_environment_test.cpp
    server/session_failure_test.cpp
    server/session_processes_test.cpp
    protocol/channel_pair.cpp
  LINK farhand::server farhand_test_support)

# Keys, their file, invitations.
farhand_test(keys_test
  SOURCES
    server/keys/invites_test.cpp
    server/keys/key_edit_test.cpp
    server/keys/key_file_test.cpp
    server/keys/key_store_test.cpp
    server/keys/key_values_test.cpp
    server/keys/network_test.cpp
  LINK farhand::keys farhand_test_support)
