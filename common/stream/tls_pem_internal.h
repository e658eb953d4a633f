// Pem: a text with certificates and keys in PEM form, for the tls_*.cpp files only.
//
// Ownership: the text, which is wiped when it goes: it may hold a private key.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "common/stream/tls_ptr_internal.h"

namespace farhand {

// Keys and certificates are one or two KiB; a certificate may be followed by its chain.
inline constexpr std::size_t kPemBytes = std::size_t{64} * 1024;

// A system's list of all CAs is a quarter of it.
inline constexpr std::size_t kCaFileBytes = std::size_t{1} << 20;

class Pem {
 public:
  Pem(std::string text, std::string where) : text_(std::move(text)), where_(std::move(where)) {}
  static Result<Pem> from_file(const std::string& path, std::size_t most = kPemBytes);
  Pem(Pem&&) noexcept = default;
  Pem& operator=(Pem&&) = delete;
  ~Pem();

  // kUsage, with a sentence that names where the text is from.
  [[nodiscard]] Result<std::vector<CertificatePtr>> certificates() const;  // at least one
  [[nodiscard]] Result<CertificatePtr> certificate() const;                // the first
  [[nodiscard]] Result<KeyPtr> key() const;

  [[nodiscard]] const std::string& where() const noexcept { return where_; }  // not yet fit for display

 private:
  [[nodiscard]] BioPtr reader() const;
  std::string text_;
  std::string where_;
};

}  // namespace farhand
