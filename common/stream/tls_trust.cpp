// Trust by a CA and a name, over OpenSSL's verification.
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "common/escape.h"
#include "common/stream/tls_pem_internal.h"
#include "common/stream/tls_trust_internal.h"

namespace farhand {
namespace {

using Refusal = HandshakeNotes::Refusal;

// Certificates between the peer's own and the CA's; real chains have one or two.
constexpr int kChainDepth = 4;

// Checking one signature costs quadratically in the key's length; OpenSSL alone would go up to 16384 bits.
constexpr int kRsaBits = 8192;

// "a*.example.org" is out; OpenSSL's other rules hold.
constexpr unsigned kNameFlags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

bool is_address(const std::string& name) noexcept {
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str());
  ERR_clear_error();
  ASN1_OCTET_STRING_free(address);
  return address != nullptr;
}

}  // namespace

Result<void> trust_ca(TlsContext::Impl& impl, const std::string& ca_file) {
  TRY_ASSIGN(const Pem pem, Pem::from_file(ca_file, kCaFileBytes));
  TRY_ASSIGN(const std::vector<CertificatePtr> certificates, pem.certificates());
  X509_STORE* store = SSL_CTX_get_cert_store(impl.ssl.get());
  for (const CertificatePtr& certificate : certificates) {
    if (X509_STORE_add_cert(store, certificate.get()) == 1) continue;
    ERR_clear_error();
    return fail(ErrorCode::kUsage, "a certificate in " + quoted(ca_file) + " is of no use as a CA's");
  }
  SSL_CTX_set_verify_depth(impl.ssl.get(), kChainDepth);
  impl.has_ca = true;
  return {};
}

Result<void> expect_name(TlsContext::Impl& impl, const std::string& name) {
  // An empty name would switch the check off, and a leading dot stands for all names below.
  if (name.empty() || name.front() == '.' || name.find('\0') != std::string::npos) {
    return fail(ErrorCode::kUsage, quoted(name) + " is not a name that a server's certificate can be for");
  }
  X509_VERIFY_PARAM* rules = SSL_CTX_get0_param(impl.ssl.get());
  X509_VERIFY_PARAM_set_hostflags(rules, kNameFlags);
  const bool taken = is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1
                                      : X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size()) == 1;
  if (taken) return {};
  ERR_clear_error();
  return fail(ErrorCode::kUsage, quoted(name) + " is not a name that a server's certificate can be for");
}

Refusal judge_cost(const X509* certificate) noexcept {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return Refusal::kUnreadableKey;
  const int kind = EVP_PKEY_get_base_id(key);
  const bool rsa = kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS;
  return rsa && EVP_PKEY_get_bits(key) > kRsaBits ? Refusal::kCostlyKey : Refusal::kNone;
}

Refusal judge_cost_of_chain(X509_STORE_CTX* store) noexcept {
  const STACK_OF(X509)* shown = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; i < sk_X509_num(shown); ++i) {
    if (const Refusal refusal = judge_cost(sk_X509_value(shown, i)); refusal != Refusal::kNone) return refusal;
  }
  return Refusal::kNone;
}

bool verify_chain(X509_STORE_CTX* store, HandshakeNotes& notes) noexcept {
  X509_STORE_CTX_set_error(store, X509_V_OK);
  notes.by_ca = X509_verify_cert(store) == 1 && X509_STORE_CTX_get_error(store) == X509_V_OK;
  notes.ca_says = X509_STORE_CTX_get_error(store);
  ERR_clear_error();
  return notes.by_ca;
}

bool is_for_name(X509* certificate, const std::string& name) noexcept {
  if (is_address(name)) return X509_check_ip_asc(certificate, name.c_str(), kNameFlags) == 1;
  return X509_check_host(certificate, name.c_str(), name.size(), kNameFlags, nullptr) == 1;
}

std::string subject_of(const X509* certificate) {
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (!memory) throw std::bad_alloc();
  if (X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) return {};
  char* bytes = nullptr;
  const long count = BIO_get_mem_data(memory.get(), &bytes);
  return count > 0 ? std::string(bytes, static_cast<std::size_t>(count)) : std::string();
}

}  // namespace farhand
