// TLS for IMAP: contexts made from certificate files, replaced as a whole when they are loaded again (RFC 8314, RFC
// 8446, BCP 195).
// Runs on: make and reload on the main thread; TlsSource::current() on any thread; a TlsContext never
// changes.
#pragma once

#include "base/result.h"
#include "base/stream.h"

#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>

namespace cpm::server {

struct TlsFiles {
  std::string certificate, key;           // PEM
  std::string client_ca;                  // PEM; empty: client certificates are not asked for
  std::string client_identity = "email";  // email, uri, cn
  std::string minimum = "1.2";
};

class TlsContext {
 public:
  // Failure::invalid names the file and what is wrong with it.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);

  [[nodiscard]] SSL* new_connection() const;  // owned by the caller; nullptr when memory is short
  // What the session may know of a connection. REQUIRES: the handshake is done.
  [[nodiscard]] TlsInfo describe(SSL* connection) const;
  [[nodiscard]] const std::string& expires() const { return expires_; }  // "2031-01-02"

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  Result<void> load_files(const TlsFiles& files);

  std::unique_ptr<SSL_CTX, Free> context_;
  std::string client_identity_;
  std::string server_end_point_;
  std::string expires_;
};

// The context that new handshakes use.
class TlsSource {
 public:
  explicit TlsSource(std::shared_ptr<const TlsContext> context) : context_(std::move(context)) {}
  [[nodiscard]] std::shared_ptr<const TlsContext> current() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }
  void replace(std::shared_ptr<const TlsContext> context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;  // protected by mutex_
};

// An entry of this thread's OpenSSL error queue as text; empties the queue. The oldest says what is wrong with a file,
// the newest why a handshake failed.
enum class TlsError { oldest, newest };
[[nodiscard]] std::string tls_error_text(TlsError which = TlsError::oldest);

}  // namespace cpm::server
