# The tests of the limits and penalties at the door.
farhand_test(server_limits_test
  SOURCES
    server/limits/doorkeeper_test.cpp
    server/limits/penalties_test.cpp
    server/limits/source_test.cpp
    server/limits/start_limits_test.cpp
  LINK farhand::limits farhand_test_support)
