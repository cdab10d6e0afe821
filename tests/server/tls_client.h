// A blocking client for stream tests: a socket, TLS when asked for; and certificates made on the spot.
// Runs on: a thread of the test.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace cpm::server {

struct ClientOptions {
  int minimum = 0, maximum = 0;  // TLS1_2_VERSION …
  std::string alpn;              // "\x04imap"
  std::string certificate, key;  // PEM files
};

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ADD_FAILURE() << "connect";
  }
  ~TlsClient() {
    close();
    SSL_CTX_free(context_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool handshake(const ClientOptions& options = {}) {
    ERR_clear_error();
    context_ = SSL_CTX_new(TLS_client_method());
    if (options.minimum != 0) SSL_CTX_set_min_proto_version(context_, options.minimum);
    if (options.maximum != 0) SSL_CTX_set_max_proto_version(context_, options.maximum);
    if (!options.certificate.empty()) {
      EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context_, options.certificate.c_str()), 1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_, options.key.c_str(), SSL_FILETYPE_PEM), 1);
    }
    ssl_ = SSL_new(context_);
    if (!options.alpn.empty()) {
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(options.alpn.data()),
                          static_cast<unsigned>(options.alpn.size()));
    }
    SSL_set_fd(ssl_, fd_);
    return SSL_connect(ssl_) == 1;
  }

  std::string read_some() {
    char block[16384];
    const ssize_t n = ssl_ != nullptr ? SSL_read(ssl_, block, sizeof block) : ::recv(fd_, block, sizeof block, 0);
    return n > 0 ? std::string(block, static_cast<std::size_t>(n)) : std::string();
  }
  std::string read_exactly(std::size_t length) {
    std::string all;
    while (all.size() < length) {
      const std::string more = read_some();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                        : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void close(bool politely = true) {
    if (ssl_ != nullptr && politely) SSL_shutdown(ssl_);
    SSL_free(ssl_);
    ssl_ = nullptr;
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  [[nodiscard]] SSL* ssl() const { return ssl_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
};

// An authority and a client certificate from it, as PEM files in a directory.
struct ClientAuthority {
  explicit ClientAuthority(const std::string& directory) : directory_(directory), key_(EVP_EC_gen("P-256")) {
    certificate_ = make("Authority", "", key_, nullptr);
    save(certificate_, ca = directory + "/ca.pem");
  }
  ~ClientAuthority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  ClientAuthority(const ClientAuthority&) = delete;
  ClientAuthority& operator=(const ClientAuthority&) = delete;

  // `names` as in "email:alice@example.net,URI:sip:alice@example.net".
  ClientOptions client(const std::string& common, const std::string& names) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = make(common, names, key, certificate_);
    ClientOptions options;
    options.certificate = directory_ + "/" + common + ".pem";
    options.key = directory_ + "/" + common + ".key";
    save(certificate, options.certificate);
    std::FILE* file = std::fopen(options.key.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return options;
  }
  std::string ca;

 private:
  X509* make(const std::string& common, const std::string& names, EVP_PKEY* key, X509* issuer) {
    X509* it = X509_new();
    X509_set_version(it, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(it), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(it), -60);
    X509_gmtime_adj(X509_getm_notAfter(it), 3600);
    X509_NAME* name = X509_get_subject_name(it);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(it, issuer != nullptr ? X509_get_subject_name(issuer) : name);
    X509_set_pubkey(it, key);
    extend(it, NID_basic_constraints, issuer != nullptr ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (!names.empty()) extend(it, NID_subject_alt_name, names);
    X509_sign(it, key_, EVP_sha256());
    return it;
  }
  static void extend(X509* it, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(it, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static void save(X509* it, const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    PEM_write_X509(file, it);
    std::fclose(file);
  }

  std::string directory_;
  EVP_PKEY* key_;
  X509* certificate_ = nullptr;
  long serial_ = 0;
};

}  // namespace cpm::server
