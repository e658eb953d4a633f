# The socketserver library's tests, and its documentation's example, which one of them runs.
add_executable(socketserver_echo_example socketserver/echo_example.cpp)
target_link_libraries(socketserver_echo_example PRIVATE farhand_settings farhand::socketserver)

farhand_test(socketserver_test
  SOURCES
    socketserver/buffered_test.cpp
    socketserver/example_test.cpp
    socketserver/handler_test.cpp
    socketserver/server_test.cpp
    socketserver/shortage_test.cpp
    socketserver/stop_test.cpp
    socketserver/stream_handler_test.cpp
    socketserver/support.cpp
    socketserver/threading_test.cpp
    socketserver/unix_test.cpp
  LINK farhand::socketserver)
add_dependencies(socketserver_test socketserver_echo_example)
target_compile_definitions(socketserver_test PRIVATE
  ECHO_EXAMPLE_BINARY="$<TARGET_FILE:socketserver_echo_example>"
  ECHO_EXAMPLE_SOURCE="${CMAKE_CURRENT_SOURCE_DIR}/socketserver/echo_example.cpp"
  SOCKETSERVER_DOCUMENTATION="${PROJECT_SOURCE_DIR}/docs/socketserver.md")
