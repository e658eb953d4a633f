// Trust by a CA and a name, for the tls_*.cpp files only.
#pragma once

#include <string>

#include "common/stream/tls_context_internal.h"

namespace farhand {

// From now on the CAs of a PEM file vouch for peers of `impl`.
Result<void> trust_ca(TlsContext::Impl& impl, const std::string& ca_file);

// The name that the peer's certificate must be for, besides. kUsage for one that OpenSSL would take for a pattern.
Result<void> expect_name(TlsContext::Impl& impl, const std::string& name);

// Whether every certificate of the peer's list may be computed with: kNone, kCostlyKey or kUnreadableKey.
HandshakeNotes::Refusal judge_cost(const X509* certificate) noexcept;
HandshakeNotes::Refusal judge_cost_of_chain(X509_STORE_CTX* store) noexcept;

// OpenSSL's own verification of the chain: by the trusted CAs, with dates, usage and name. Notes the outcome.
bool verify_chain(X509_STORE_CTX* store, HandshakeNotes& notes) noexcept;

// Whether the certificate is for the name or address.
bool is_for_name(X509* certificate, const std::string& name) noexcept;

// The certificate's subject as RFC 2253 has it, such as "CN=alice,O=Example". ASCII without control bytes.
std::string subject_of(const X509* certificate);

}  // namespace farhand
