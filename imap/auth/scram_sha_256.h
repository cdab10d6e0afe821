// ScramSha256: the server of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) with the channel bindings
// tls-exporter (RFC 9266), tls-unique and tls-server-end-point (RFC 5929). A refusal inside the exchange is told with
// e= (RFC 5802 7).
// Runs on: session strand.
#pragma once

#include "imap/auth/mechanism.h"

#include <string>
#include <string_view>

namespace cpm::imap::auth {

class ScramSha256 final : public Mechanism {
 public:
  struct Options {
    bool plus = false;          // this is SCRAM-SHA-256-PLUS
    bool plus_offered = false;  // the client could have seen -PLUS: its flag "y" betrays a downgrade (RFC 5802 6)
    TlsInfo tls;                // channel-binding data
    std::string nonce;          // ours: printable ASCII without a comma, never used before
  };
  explicit ScramSha256(Options options) : options_(std::move(options)) {}

  Step step(std::string_view message) override;
  Step supply(const schema::ScramKeys& keys, bool usable) override;

 private:
  enum class Expect { first, keys, final, acknowledgement, nothing };

  Step first(std::string_view message);
  Step final(std::string_view message);
  Step refuse(std::string_view error);
  [[nodiscard]] const std::string* binding_data(std::string_view type) const;

  const Options options_;
  Expect expect_ = Expect::first;
  Identity identity_;
  std::string gs2_header_;    // as received: it comes again in c=
  std::string binding_type_;  // with flag p
  std::string client_first_bare_;
  std::string server_first_;
  std::string nonce_;  // the client's and ours
  schema::ScramKeys keys_;
  bool usable_ = false;
};

}  // namespace cpm::imap::auth
