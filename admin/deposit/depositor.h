// Stores objects in order over one connection: consecutive objects of one mailbox travel together (MULTIAPPEND). When a
// batch is refused, its objects are tried one by one, so that what can be stored is, and the one that cannot be is
// known. Runs on: one thread at a time; blocks.
#pragma once

#include "admin/deposit/imap_client.h"
#include "base/number_set.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace cpm::deposit {

struct DepositSettings {
  std::size_t batch = 100;                // objects of one APPEND
  std::uint64_t batch_octets = 8U << 20;  // and their size together, unless one alone is larger
  bool once = false;                      // REQUIRES: ImapClient::enable_once was done
};

struct MailboxSummary {
  std::uint32_t uidvalidity = 0;
  UidSet uids;
  std::uint64_t objects = 0;
  bool created = false;
};

struct DepositSummary {
  std::uint64_t stored = 0;  // objects, `existing` included
  std::uint64_t octets = 0;
  std::uint64_t existing = 0;  // with `once`: that were there before
  std::map<std::string, MailboxSummary> mailboxes;
  std::size_t last_line = 0;  // up to which all is stored
};

class Depositor {
 public:
  // `client` outlives it. `stored` is called for each batch that was stored.
  using Stored = std::function<void(std::span<const Object>, const Appended&)>;
  Depositor(ImapClient& client, const DepositSettings& settings, Stored stored = {});

  // May store what was added before. After a failure nothing more is stored; the Error's text names the lines.
  [[nodiscard]] Result<void> add(Object object);
  [[nodiscard]] Result<void> flush();
  // The batch that failed once more, after the client was connected again. REQUIRES: settings.once, so that what was
  // stored of it is found and not stored twice.
  [[nodiscard]] Result<void> repeat();
  [[nodiscard]] const DepositSummary& summary() const { return summary_; }
  // Lines that may or may not be stored, after Failure::in_doubt; empty otherwise.
  [[nodiscard]] const std::vector<std::size_t>& in_doubt() const { return in_doubt_; }
  // The first line that is not stored, after a failure; 0: none.
  [[nodiscard]] std::size_t failed_line() const { return failed_line_; }

 private:
  [[nodiscard]] Result<void> store_or_keep(std::vector<Object> objects);
  [[nodiscard]] Result<void> store_batch(std::span<const Object> objects);
  [[nodiscard]] Result<void> store(std::span<const Object> objects);
  [[nodiscard]] Error failed(std::span<const Object> objects, Error error);
  void count(std::span<const Object> objects, const Appended& appended);

  ImapClient& client_;
  const DepositSettings settings_;
  const Stored stored_;
  std::vector<Object> waiting_;  // of one mailbox
  std::uint64_t waiting_octets_ = 0;
  std::vector<Object> failed_batch_;
  std::map<std::string, std::uint32_t> uid_next_;  // with `once`: as it was before
  DepositSummary summary_;
  std::vector<std::size_t> in_doubt_;
  std::size_t failed_line_ = 0;
};

}  // namespace cpm::deposit
