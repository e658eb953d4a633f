# The tests of common/stream. They speak to OpenSSL too: their odd peers break the rules on purpose.
farhand_test(stream_test
  SOURCES
    stream/connect_test.cpp
    stream/drive.cpp
    stream/long_link_test.cpp
    stream/odd_peer.cpp
    stream/own_identity_test.cpp
    stream/stream_conformance_test.cpp
    stream/stream_pair.cpp
    stream/test_ca.cpp
    stream/test_keys.cpp
    stream/tls_allocation_test.cpp
    stream/tls_ca_test.cpp
    stream/tls_damage_test.cpp
    stream/tls_end_test.cpp
    stream/tls_handshake_test.cpp
    stream/tls_identity_test.cpp
    stream/tls_load_test.cpp
    stream/tls_pin_test.cpp
    stream/tls_stranger_test.cpp
  LINK farhand::stream farhand_test_support OpenSSL::SSL OpenSSL::Crypto)
