# The event-driven library's tests, and the smallest program on it, which one of them runs.
add_executable(events_echo_example events/echo_example.cpp)
target_link_libraries(events_echo_example PRIVATE farhand_settings farhand::events)

farhand_test(events_test
  SOURCES
    events/back_pressure_test.cpp
    events/connect_test.cpp
    events/crowd_test.cpp
    events/echo_test.cpp
    events/end_test.cpp
    events/event_list_test.cpp
    events/reactor_test.cpp
    events/send_file_test.cpp
    events/support.cpp
    socketserver/support.cpp
  LINK farhand::events)
add_dependencies(events_test events_echo_example)
target_compile_definitions(events_test PRIVATE EVENTS_ECHO_EXAMPLE="$<TARGET_FILE:events_echo_example>")
