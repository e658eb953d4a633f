# The socketserver library's tests. One of them runs the example that the documentation shows.
farhand_test(socketserver_test
  SOURCES
    socketserver/buffered_test.cpp
    socketserver/datagram_test.cpp
    socketserver/example_test.cpp
    socketserver/forking_test.cpp
    socketserver/handler_test.cpp
    socketserver/hooks_test.cpp
    socketserver/matrix_test.cpp
    socketserver/process_support.cpp
    socketserver/server_test.cpp
    socketserver/shortage_test.cpp
    socketserver/signals_test.cpp
    socketserver/stop_test.cpp
    socketserver/stream_handler_test.cpp
    socketserver/support.cpp
    socketserver/threading_test.cpp
    socketserver/unix_test.cpp
  LINK farhand::socketserver)
add_dependencies(socketserver_test echo_server)
target_compile_definitions(socketserver_test PRIVATE
  ECHO_EXAMPLE_BINARY="$<TARGET_FILE:echo_server>"
  ECHO_EXAMPLE_SOURCE="${PROJECT_SOURCE_DIR}/examples/echo_server.cpp"
  SOCKETSERVER_DOCUMENTATION="${PROJECT_SOURCE_DIR}/docs/socketserver.md")
