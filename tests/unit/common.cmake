# The helpers that every test binary may use, and the tests of common.
add_library(farhand_test_support STATIC
  ../support/as_nobody.cpp
  ../support/deny_syscall.cpp
  ../support/in_child.cpp
  ../support/kill_at_syscall.cpp
  ../support/process_state.cpp
  ../support/run_program.cpp
  ../support/temporary_directory.cpp)
target_link_libraries(farhand_test_support PUBLIC farhand::common)

farhand_test(common_test
  SOURCES
    common/account_test.cpp
    common/background_test.cpp
    common/byte_size_test.cpp
    common/deadline_test.cpp
    common/duration_test.cpp
    common/escape_test.cpp
    common/file_io_test.cpp
    common/guarded_child_test.cpp
    common/hash_test.cpp
    common/path_text_test.cpp
    common/paths_test.cpp
    common/private_directory_crash_test.cpp
    common/private_directory_test.cpp
    common/pseudo_terminal_test.cpp
    common/rate_limit_test.cpp
    common/result_test.cpp
    common/rooted_differential_test.cpp
    common/rooted_path_test.cpp
    common/rooted_race_test.cpp
    common/shared_cell_test.cpp
    common/spawn_crowd_test.cpp
    common/spawn_failure_test.cpp
    common/spawn_inheritance_test.cpp
    common/spawn_test.cpp
    common/user_name_test.cpp
  LINK farhand_test_support)
