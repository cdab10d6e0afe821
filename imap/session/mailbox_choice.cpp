#include "imap/session/mailbox_choice.h"

#include "imap/commands/mailbox_argument.h"
#include "schema/owners.h"

#include <algorithm>

namespace cpm::imap {

void MailboxChoice::add(const Session& session, const grammar::MailboxFilter& filter) {
  std::vector<std::string> paths;
  for (const std::string& name : filter.names) {
    // The root: what stands below it is all there is.
    if (name.empty() && filter.kind == grammar::MailboxFilter::Kind::subtree) all_ = true;
    if (auto path = existing_path(session, name)) paths.push_back(std::move(*path));
  }
  add_canonical(filter.kind, paths);
}

void MailboxChoice::add_canonical(grammar::MailboxFilter::Kind kind, const std::vector<std::string>& paths) {
  using Kind = grammar::MailboxFilter::Kind;
  switch (kind) {
    case Kind::selected:
    case Kind::selected_delayed: return;
    case Kind::inboxes:
    case Kind::personal: personal_ = true; return;
    case Kind::subscribed: subscribed_ = true; return;
    case Kind::subtree: subtrees_.insert(paths.begin(), paths.end()); break;
    case Kind::subtree_one: parents_.insert(paths.begin(), paths.end()); break;
    case Kind::mailboxes: break;
  }
  named_.insert(paths.begin(), paths.end());
}

bool MailboxChoice::beyond_own() const {
  if (all_ || subscribed_) return true;
  const auto elsewhere = [](const std::set<std::string>& paths) {
    return std::any_of(paths.begin(), paths.end(),
                       [](const std::string& path) { return schema::leads_elsewhere(path); });
  };
  return elsewhere(named_) || elsewhere(subtrees_) || elsewhere(parents_);
}

bool MailboxChoice::means(const std::string& path, bool subscribed) const {
  if (all_ || (personal_ && !schema::leads_elsewhere(path)) || (subscribed && subscribed_) || named_.contains(path))
    return true;
  const std::size_t last = path.rfind('/');
  if (last == std::string::npos || last == 0) return false;
  if (!parents_.empty() && parents_.contains(path.substr(0, last))) return true;
  for (std::size_t at = last; !subtrees_.empty() && at != std::string::npos && at > 0; at = path.rfind('/', at - 1)) {
    if (subtrees_.contains(path.substr(0, at))) return true;
  }
  return false;
}

}  // namespace cpm::imap
