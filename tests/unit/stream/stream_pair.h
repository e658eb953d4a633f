// Two connected Streams of each kind, for tests that hold for all of them.
#pragma once

#include <memory>
#include <ostream>

#include "common/stream/stream.h"
#include "common/stream/tls_stream.h"
#include "common/unique_fd.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/stream/test_keys.h"

namespace farhand::test {

struct SocketPair {
  UniqueFd client;
  UniqueFd server;
};

// Tiny buffers are the least that the kernel allows, a few KiB.
enum class Buffers { kDefault, kTiny };
SocketPair make_unix_sockets(Buffers buffers = Buffers::kDefault);
SocketPair make_tcp_sockets(Buffers buffers = Buffers::kDefault);

// Keys for both sides and the contexts over them, made once per test program.
struct TlsWorld {
  TlsWorld();
  TemporaryDirectory directory;
  TestKey server_key;
  TestKey client_key;
  TlsContext server;
  TlsContext client;
};
const TlsWorld& tls_world();

struct TlsPair {
  std::unique_ptr<TlsStream> client;
  std::unique_ptr<TlsStream> server;
};
TlsPair make_tls_pair(SocketPair sockets);

enum class StreamKind { kPlainUnix, kPlainTcp, kTls };
std::ostream& operator<<(std::ostream& out, StreamKind kind);

struct StreamPair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};
StreamPair make_stream_pair(StreamKind kind, Buffers buffers = Buffers::kDefault);

}  // namespace farhand::test
