# The HTTP library's tests: the parsers on bytes alone, the handlers over real sockets.
farhand_test(http_test
  SOURCES
    http/cgi_test.cpp
    http/chunked_decoder_test.cpp
    http/fetch_test.cpp
    http/file_protocol_test.cpp
    http/file_server_test.cpp
    http/handler_test.cpp
    http/mutation_test.cpp
    http/request_head_test.cpp
    http/response_parser_test.cpp
    http/send_file_test.cpp
    http/support.cpp
    http/values_test.cpp
    socketserver/support.cpp
  LINK farhand::http farhand_test_support)
