# The tests of the client's parts that need no server.
farhand_test(client_test
  SOURCES
    client/command_line_test.cpp
    client/display_test.cpp
    client/file_list_test.cpp
    client/host_test.cpp
    client/hostile_server_test.cpp
    client/input_window_test.cpp
    client/stripe_queue_test.cpp
    client/job_watch_test.cpp
    client/known_hosts_test.cpp
    client/listing_text_test.cpp
    client/outcome_test.cpp
    client/pair_test.cpp
    client/prompt/completion_test.cpp
    client/prompt/history_test.cpp
    client/prompt/line_test.cpp
    client/prompt/paste_test.cpp
    client/prompt/words_test.cpp
    client/several_hosts_test.cpp
    client/ssh/arguments_test.cpp
    client/ssh/settings_test.cpp
    client/target_test.cpp
    client/terminal_escape_test.cpp
    client/tree_comparison_test.cpp
  LINK farhand::client farhand_test_support nlohmann_json::nlohmann_json)
