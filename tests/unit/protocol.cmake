# The tests of protocol, and its worked examples: protocol/examples.md is compared with what they say.
farhand_test(protocol_test
  SOURCES
    protocol/channel_pair.cpp
    protocol/channel_test.cpp
    protocol/conversation_test.cpp
    protocol/entry_order_test.cpp
    protocol/examples.cpp
    protocol/examples_test.cpp
    protocol/file_reader_test.cpp
    protocol/frame_reader_test.cpp
    protocol/frame_writer_test.cpp
    protocol/job_message_test.cpp
    protocol/git_ignore.cpp
    protocol/job_script.cpp
    protocol/job_sender_test.cpp
    protocol/job_peer.cpp
    protocol/job_receiver_test.cpp
<<<<<<< HEAD
=======
    protocol/job_receiver_trouble_test.cpp
>>>>>>> 7f4de26 (protocol: tests of a job's receiver when something goes wrong)
    protocol/liveness_test.cpp
    protocol/read_ahead_test.cpp
    protocol/memory_meter.cpp
    protocol/message_test.cpp
    protocol/pairing_code_test.cpp
    protocol/path_filter_git_test.cpp
    protocol/path_filter_test.cpp
    protocol/part_file_test.cpp
    protocol/refusal_test.cpp
    protocol/sabotage.cpp
    protocol/slip_test.cpp
    protocol/store_batch_test.cpp
    protocol/terminal_modes_test.cpp
    protocol/transfer_test.cpp
    protocol/transfer_trouble_test.cpp
    protocol/tree_listing_test.cpp
    protocol/tree_walk_test.cpp
    protocol/upload.cpp
    protocol/walked.cpp
    protocol/wire_archive_test.cpp
  LINK farhand::protocol farhand_test_support cereal::cereal)
target_compile_definitions(protocol_test PRIVATE PROTOCOL_EXAMPLES="${PROJECT_SOURCE_DIR}/protocol/examples.md")
