// Mechanism: the server's side of one SASL exchange (RFC 4422), as a state machine without I/O. The driver
// (authenticate.cpp) feeds decoded client messages and does what the step asks for. One file a mechanism; mechanisms()
// is their table.
// Runs on: session strand. Owned by the AUTHENTICATE command.
#pragma once

#include "base/error.h"
#include "base/stream.h"
#include "imap/auth/settings.h"
#include "schema/accounts.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::auth {

// Who proved to be whom.
struct Identity {
  std::string name;                       // authentication identity, as the client wrote it
  std::string authzid;                    // to act as; may be empty
  std::optional<std::string> stored_key;  // what the proof was checked against: must still be so at log-in
};

struct Step {
  enum class Kind {
    challenge,  // send `data`, give the answer to step()
    keys,       // look up the keys of identity.name, give them to supply()
    password,   // verify `data` as the password of identity
    identity,   // proved: log in
    failed,     // refused: when `data` is set it is sent as a last challenge, whose answer does not matter
    ended,  // over with `error` as it is, nobody's failure is counted; bad_syntax when the message breaks the grammar
  };
  Kind kind = Kind::failed;
  std::string data;
  Identity identity;
  Error error;
};

class Mechanism {
 public:
  virtual ~Mechanism() = default;
  [[nodiscard]] virtual Step step(std::string_view message) = 0;
  // REQUIRES: the last step was Kind::keys. `usable` is false for keys invented for an unknown or disabled name: the
  // exchange goes on the same way and fails at its end.
  [[nodiscard]] virtual Step supply(const schema::ScramKeys& keys, bool usable);
};

struct MechanismContext {
  const Settings& settings;
  const TlsInfo* tls = nullptr;  // null in the clear
  bool allow_plaintext = false;  // passwords without TLS
  std::shared_ptr<const TokenVerifier> tokens;
};

struct MechanismSpec {
  std::string_view name;
  std::vector<std::string> rfcs;
  bool needs_privacy = false;                  // in the clear it is refused with PRIVACYREQUIRED (RFC 5530)
  bool (*available)(const MechanismContext&);  // besides being listed in Settings::mechanisms
  std::unique_ptr<Mechanism> (*make)(const MechanismContext&);
};

[[nodiscard]] const std::vector<MechanismSpec>& mechanisms();
[[nodiscard]] const MechanismSpec* find_mechanism(std::string_view upper_name);
[[nodiscard]] bool offered(const MechanismSpec& spec, const MechanismContext& context);

// One per file.
[[nodiscard]] MechanismSpec plain_mechanism();
[[nodiscard]] MechanismSpec scram_sha_256_mechanism();
[[nodiscard]] MechanismSpec scram_sha_256_plus_mechanism();
[[nodiscard]] MechanismSpec oauthbearer_mechanism();
[[nodiscard]] MechanismSpec external_mechanism();

// -- for the mechanisms
[[nodiscard]] Step challenge_step(std::string data);
[[nodiscard]] Step failed_step(std::string detail, std::string data = {});
[[nodiscard]] Step malformed_step(std::string text);

// The GS2 header that opens SCRAM and OAUTHBEARER (RFC 5801 4): flag, optional authzid.
struct Gs2Header {
  char flag = 'n';      // n: no channel binding, y: the client could, p: it does
  std::string binding;  // type, with p
  std::string authzid;
  std::size_t length = 0;  // octets of the header, its last comma included
};
// Empty when malformed.
[[nodiscard]] std::optional<Gs2Header> parse_gs2_header(std::string_view message);
// "=2C" and "=3D"; empty for any other "=" and for empty or non-UTF-8 text.
[[nodiscard]] std::optional<std::string> decode_saslname(std::string_view text);

}  // namespace cpm::imap::auth
