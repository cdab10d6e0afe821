#include "server/tls.h"

#include "base/log.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>

namespace cpm::server {

namespace {

constexpr unsigned char kAlpn[] = "\x04imap";
constexpr std::string_view kSessionContext = "cpmstore";
// TLS 1.2: forward secrecy and AEAD only.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20";

// A client that offers ALPN without "imap" speaks something else: refused, against cross-protocol attacks (RFC
// 7301 3.2).
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                    unsigned in_length, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kAlpn, sizeof kAlpn - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// No terminal to ask for a passphrase: an encrypted key is an error with a clear text.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

Error bad_file(const std::string& key, const std::string& path, const std::string& why) {
  return fail(Failure::invalid, key + " = " + path + ": " + why, why);
}

Result<void> readable(const std::string& key, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return bad_file(key, path, std::strerror(errno));
  std::fclose(file);
  return {};
}

// RFC 5929 4.1: the hash of the certificate's signature, SHA-256 instead of anything weaker. No hash of its own
// (EdDSA): undefined.
std::string end_point_digest(X509* certificate) {
  int digest_nid = NID_undef;
  if (OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest_nid, nullptr) != 1) return {};
  if (digest_nid == NID_undef) return {};
  if (digest_nid == NID_md5 || digest_nid == NID_sha1) digest_nid = NID_sha256;
  const EVP_MD* digest = EVP_get_digestbynid(digest_nid);
  unsigned char octets[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (digest == nullptr || X509_digest(certificate, digest, octets, &length) != 1) return {};
  return std::string(reinterpret_cast<const char*>(octets), length);
}

std::string date_text(const ASN1_TIME* time) {
  std::tm parts{};
  char text[16];
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts));
}

std::string asn1_text(const ASN1_STRING* text) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     static_cast<std::size_t>(ASN1_STRING_length(text)));
}

// The first such name. A NUL or another control character inside is a trick, never an address.
std::optional<std::string> certificate_identity(X509* certificate, const std::string& kind) {
  std::optional<std::string> found;
  if (kind == "cn") {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return std::nullopt;
    unsigned char* utf8 = nullptr;
    const int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length >= 0) found = std::string(reinterpret_cast<char*>(utf8), static_cast<std::size_t>(length));
    OPENSSL_free(utf8);
  } else {
    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; ++i) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
      if (kind == "email" && name->type == GEN_EMAIL) found = asn1_text(name->d.rfc822Name);
      if (kind == "uri" && name->type == GEN_URI) found = asn1_text(name->d.uniformResourceIdentifier);
    }
    GENERAL_NAMES_free(names);
  }
  if (!found || found->empty()) return std::nullopt;
  for (const char c : *found) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
  }
  return found;
}

}  // namespace

std::string tls_error_text(TlsError which) {
  const unsigned long code = which == TlsError::oldest ? ERR_get_error() : ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
  ERR_clear_error();
  SSL_CTX* raw = SSL_CTX_new(TLS_server_method());
  if (raw == nullptr) return fail(Failure::internal, "cannot make a TLS context: " + tls_error_text());
  const std::shared_ptr<TlsContext> context(new TlsContext(raw));
  SSL_CTX_set_min_proto_version(raw, files.minimum == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
  // Idle connections keep no record buffers; tickets instead of a session cache, one of them.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 1);
  SSL_CTX_set_read_ahead(raw, 1);
  SSL_CTX_set_alpn_select_cb(raw, select_protocol, nullptr);
  SSL_CTX_set_session_id_context(raw, reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 kSessionContext.size());
  if (SSL_CTX_set_cipher_list(raw, kCiphers) != 1)
    return fail(Failure::internal, "no TLS ciphers: " + tls_error_text());
  CPM_CHECK(context->load_files(files));
  return std::shared_ptr<const TlsContext>(context);
}

Result<void> TlsContext::load_files(const TlsFiles& files) {
  SSL_CTX* raw = context_.get();
  CPM_CHECK(readable("tls.certificate", files.certificate));
  if (SSL_CTX_use_certificate_chain_file(raw, files.certificate.c_str()) != 1) {
    return bad_file("tls.certificate", files.certificate, "no certificate in PEM form (" + tls_error_text() + ")");
  }
  CPM_CHECK(readable("tls.key", files.key));
  bool passphrase_asked = false;
  SSL_CTX_set_default_passwd_cb(raw, no_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(raw, &passphrase_asked);
  const int key_loaded = SSL_CTX_use_PrivateKey_file(raw, files.key.c_str(), SSL_FILETYPE_PEM);
  const unsigned long key_error = ERR_peek_last_error();
  SSL_CTX_set_default_passwd_cb_userdata(raw, nullptr);
  SSL_CTX_set_default_passwd_cb(raw, nullptr);
  if (key_loaded != 1) {
    if (passphrase_asked)
      return bad_file("tls.key", files.key,
                      "is encrypted with a passphrase; store it without one, readable by the server's user only");
    if (ERR_GET_LIB(key_error) == ERR_LIB_X509 && ERR_GET_REASON(key_error) == X509_R_KEY_VALUES_MISMATCH) {
      ERR_clear_error();
      return bad_file("tls.key", files.key, "does not belong to the certificate in " + files.certificate);
    }
    return bad_file("tls.key", files.key, "no private key in PEM form (" + tls_error_text() + ")");
  }
  if (SSL_CTX_check_private_key(raw) != 1) {
    ERR_clear_error();
    return bad_file("tls.key", files.key, "does not belong to the certificate in " + files.certificate);
  }
  X509* certificate = SSL_CTX_get0_certificate(raw);
  server_end_point_ = end_point_digest(certificate);
  expires_ = date_text(X509_get0_notAfter(certificate));
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
    log::warn("tls", "the certificate has expired", {{"file", files.certificate}, {"expired", expires_}});
  }
  client_identity_ = files.client_identity;
  if (files.client_ca.empty()) return {};
  CPM_CHECK(readable("tls.client_ca", files.client_ca));
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.client_ca.c_str());
  if (names == nullptr || SSL_CTX_load_verify_locations(raw, files.client_ca.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return bad_file("tls.client_ca", files.client_ca, "no certificate in PEM form (" + tls_error_text() + ")");
  }
  SSL_CTX_set_client_CA_list(raw, names);
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);  // a client may come without one
  return {};
}

SSL* TlsContext::new_connection() const { return SSL_new(context_.get()); }

TlsInfo TlsContext::describe(SSL* connection) const {
  TlsInfo info;
  info.protocol = SSL_get_version(connection);
  info.cipher = SSL_get_cipher_name(connection);
  info.tls_server_end_point = server_end_point_;
  const bool tls13 = SSL_version(connection) >= TLS1_3_VERSION;
  const bool bound =
      tls13 || SSL_get_extms_support(connection) == 1;  // without it a binding proves nothing (RFC 9266 4.2)
  if (bound) {
    constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
    std::array<unsigned char, 32> octets{};
    const unsigned char no_context = 0;
    if (SSL_export_keying_material(connection, octets.data(), octets.size(), kLabel.data(), kLabel.size(), &no_context,
                                   0, 1) == 1) {
      info.tls_exporter.assign(octets.begin(), octets.end());
    }
  }
  if (!tls13 && bound) {
    // The first Finished message: the client's, or the server's when a session was resumed (RFC 5929 3.1).
    std::array<unsigned char, EVP_MAX_MD_SIZE> octets{};
    const std::size_t length = SSL_session_reused(connection) == 1
                                   ? SSL_get_finished(connection, octets.data(), octets.size())
                                   : SSL_get_peer_finished(connection, octets.data(), octets.size());
    info.tls_unique.assign(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(length));
  }
  X509* client = SSL_get0_peer_certificate(connection);
  if (client != nullptr && SSL_get_verify_result(connection) == X509_V_OK) {
    info.client_certificate = certificate_identity(client, client_identity_);
  }
  return info;
}

}  // namespace cpm::server
