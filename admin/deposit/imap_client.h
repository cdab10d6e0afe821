// An IMAP client as far as a depositor needs one: RFC 3501/9051, SASL PLAIN (RFC 4616) with an authorization identity,
// SASL-IR (4959), LITERAL+ and LITERAL- (7888), MULTIAPPEND (3502), UIDPLUS (4315), APPENDLIMIT (7889), RFC 5530 codes.
// Every answer of the server that is not OK becomes an Error whose text says what was refused, with the server's words.
// Runs on: one thread at a time; blocks.
#pragma once

#include "admin/deposit/connection.h"
#include "admin/deposit/object.h"

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::deposit {

struct Credentials {
  std::string name;  // authcid: the service, or the user
  std::string password;
  std::string act_for;  // authzid: the user whose store it is; empty: `name` itself
};

struct Appended {
  std::uint32_t uidvalidity = 0;    // 0: the server does not say
  std::vector<std::uint32_t> uids;  // one for each object in their order, or none
  bool created = false;             // the mailbox was made on the way
};

class ImapClient {
 public:
  // Connects, starts TLS, logs in. Failures: unavailable, timeout, denied (certificate), auth_failed, authz_failed,
  // locked_out, unsupported.
  [[nodiscard]] static Result<ImapClient> log_in(const ServerAddress& address, const Credentials& credentials);

  [[nodiscard]] bool has(std::string_view capability) const;
  // Largest message that the server takes, if it says.
  [[nodiscard]] std::optional<std::uint64_t> append_limit() const { return append_limit_; }

  // ENABLE X-CPM-ONCE: from now on a deposit of the same octets with the same identifiers in the same mailbox is
  // answered with the UID that is there. Failure::unsupported when the server does not offer it.
  [[nodiscard]] Result<void> enable_once();

  // All of them or none (RFC 3502); more than one needs MULTIAPPEND. A mailbox that is missing is made. Failures: those
  // of the server (over_quota, denied, too_big, limit, invalid, …), unavailable: nothing was stored; in_doubt: the
  // connection broke when all was sent, so it may be stored; then, and after unavailable and timeout, the client is of
  // no more use.
  [[nodiscard]] Result<Appended> append(const std::string& mailbox, std::span<const Object> objects);

  [[nodiscard]] Result<void> create(const std::string& mailbox);  // exists already: fine
  // UIDNEXT; nothing when there is no such mailbox.
  [[nodiscard]] Result<std::optional<std::uint32_t>> uid_next(const std::string& mailbox);

  [[nodiscard]] bool usable() const { return connection_->is_open(); }
  [[nodiscard]] bool alive();  // asks the server, with NOOP

  void log_out();  // what the server says to it does not matter

 private:
  enum class Status { ok, no, bad };
  struct Reply {
    Status status = Status::ok;
    std::string code;  // "APPENDUID", in capitals
    std::string data;  // what follows it within the brackets
    std::string text;
    std::vector<std::string> untagged;  // lines of interest: CAPABILITY, ENABLED, STATUS
  };

  explicit ImapClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
  [[nodiscard]] Result<void> greet(const ServerAddress& address);
  [[nodiscard]] Result<void> authenticate(const Credentials& credentials);
  [[nodiscard]] Result<void> ask_capabilities();
  void take_capabilities(std::string_view list);

  std::string next_tag();
  // Sends a line and reads its reply.
  [[nodiscard]] Result<Reply> command(const std::string& line);
  // Reads up to the tagged reply; with `go_on`, also up to a line that begins with +, for which nothing is returned.
  [[nodiscard]] Result<std::optional<Reply>> read_reply(const std::string& tag, bool go_on);
  [[nodiscard]] Result<std::string> read_response();  // with the octets of its literals left out
  [[nodiscard]] Result<Reply> send_append(const std::string& mailbox, std::span<const Object> objects);
  [[nodiscard]] Error lost(const Error& error) const;

  std::unique_ptr<Connection> connection_;
  std::set<std::string, std::less<>> capabilities_;  // in capitals
  std::optional<std::uint64_t> append_limit_;
  std::string bye_;  // what the server said when it hung up
  unsigned tags_ = 0;
};

}  // namespace cpm::deposit
