// MailboxChoice: which mailboxes a list of filter-mailboxes means (RFC 5465 6, RFC 7377 2.2), asked by path.
// `inboxes` is `personal`: a deposit may go to any mailbox (RFC 5465 6.3).
// Runs on: any thread. A value type.
#pragma once

#include "imap/grammar/mailbox_filter.h"

#include <set>
#include <string>
#include <vector>

namespace cpm::imap {

class Session;

class MailboxChoice {
 public:
  MailboxChoice() = default;
  // Names that cannot exist are left out. `selected` and `selected-delayed` choose nothing.
  MailboxChoice(const Session& session, const grammar::MailboxFilter& filter) { add(session, filter); }
  void add(const Session& session, const grammar::MailboxFilter& filter);
  void add_path(std::string path) { named_.insert(std::move(path)); }

  // `subscribed`: whether that path is; asked for only by needs_subscriptions().
  [[nodiscard]] bool means(const std::string& path, bool subscribed) const;
  [[nodiscard]] bool needs_subscriptions() const { return subscribed_; }

  // Whether mailboxes of other accounts may be among them.
  [[nodiscard]] bool beyond_own() const;

  // For tests: canonical paths.
  void add_canonical(grammar::MailboxFilter::Kind kind, const std::vector<std::string>& paths);

 private:
  bool all_ = false;
  bool personal_ = false;  // all of one's own
  bool subscribed_ = false;
  std::set<std::string> named_;
  std::set<std::string> subtrees_;  // all below these
  std::set<std::string> parents_;   // the children of these
};

}  // namespace cpm::imap
