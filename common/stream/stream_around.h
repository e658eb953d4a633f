// StreamAround: a stream over another one, which hands everything on; for those that change one thing.
//
// Ownership: owns the inner stream. Threads, errors: the inner stream's.
#pragma once

#include <memory>
#include <utility>

#include "common/stream/stream.h"

namespace farhand {

class StreamAround : public Stream {
 public:
  explicit StreamAround(std::unique_ptr<Stream> inner) : inner_(std::move(inner)) {}
  Result<Transfer> try_read(MutableBytes into) override { return inner_->try_read(into); }
  Result<Transfer> try_write(Bytes from) override { return inner_->try_write(from); }
  Result<bool> try_flush() override { return inner_->try_flush(); }
  Result<bool> try_close_write() override { return inner_->try_close_write(); }
  [[nodiscard]] bool has_pending() const noexcept override { return inner_->has_pending(); }
  [[nodiscard]] bool has_buffered() const noexcept override { return inner_->has_buffered(); }
  [[nodiscard]] int descriptor() const noexcept override { return inner_->descriptor(); }

 private:
  std::unique_ptr<Stream> inner_;
};

}  // namespace farhand
