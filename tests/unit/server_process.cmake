# The tests of what a process gives up, and of the channel to its parent.
farhand_test(server_process_test
  SOURCES
    server/process/control_test.cpp
    server/process/privileges_test.cpp
    server/process/sandbox_test.cpp
    server/process/ways_out.cpp
    server/process/ways_out_files.cpp
  LINK farhand::process farhand_test_support)
