# The tests of the server's parts that need no connection of a client.
farhand_test(server_test
  SOURCES
    server/config_test.cpp
    server/dispatch_test.cpp
    server/peer_user_test.cpp
  LINK farhand::server farhand_test_support)
