#include "imap/session/watch_list.h"

#include "schema/owners.h"

#include <algorithm>
#include <set>
#include <unordered_set>

namespace cpm::imap {

namespace {

std::string parent_of(const std::string& path) {
  const std::size_t at = path.rfind('/');
  return at == std::string::npos ? std::string() : path.substr(0, at);
}

using Ids = std::unordered_map<std::string, MailboxId>;

Ids ids_of(const AccountNames& names) {
  Ids ids;
  for (const auto& entry : names.entries) ids.emplace(entry.path, entry.id);
  return ids;
}

MailboxId id_of(const Ids& ids, const std::string& path) {
  const auto at = ids.find(path);
  return at == ids.end() ? MailboxId{} : at->second;
}

}  // namespace

WatchList WatchList::for_share(bool news) const {
  WatchList list(groups_, most_);
  if (news) list.names_ = std::make_shared<const AccountNames>();
  return list;
}

bool WatchList::beyond_own() const {
  return std::any_of(groups_->begin(), groups_->end(),
                     [](const EventGroup& group) { return group.events != 0 && group.choice.beyond_own(); });
}

schema::UnseenKnown WatchList::unseen() const {
  schema::UnseenKnown out;
  for (const Known& one : known_) {
    if (!one.no_access) out.emplace_hint(out.end(), one.id, schema::UnseenAt{ModSeq{one.highestmodseq}, one.unseen});
  }
  return out;
}

const AccountNames::Entry* WatchList::named(const std::string& path) const {
  if (!names_) return nullptr;
  const auto& entries = names_->entries;
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const auto& one) { return one.path == path; });
  return at == entries.end() ? nullptr : &*at;
}

bool WatchList::needs_subscriptions() const {
  return std::any_of(groups_->begin(), groups_->end(), [](const EventGroup& group) {
    return group.choice.needs_subscriptions() || (group.events & kSubscriptionChange) != 0;
  });
}

bool WatchList::wants_metadata(const std::string& path) const {
  if (!path.empty()) return (events_of(path, names_ && names_->subscribed(path)) & kMailboxMetadata) != 0;
  return std::any_of(groups_->begin(), groups_->end(),
                     [](const EventGroup& group) { return (group.events & kServerMetadata) != 0; });
}

bool WatchList::wants_metadata() const {
  constexpr unsigned kMetadata = kMailboxMetadata | kServerMetadata;
  return std::any_of(groups_->begin(), groups_->end(),
                     [](const EventGroup& group) { return (group.events & kMetadata) != 0; });
}

unsigned WatchList::events_of(const std::string& path, bool subscribed) const {
  unsigned events = 0;
  for (const EventGroup& group : *groups_) {
    if (!group.choice.means(path, subscribed)) continue;
    if (group.events == 0) return 0;  // NONE: "does not wish to receive any events"
    events |= group.events;
  }
  return events;
}

const WatchList::Known* WatchList::find(MailboxId mailbox) const {
  const auto at = std::lower_bound(known_.begin(), known_.end(), mailbox,
                                   [](const Known& known, MailboxId id) { return known.id < id; });
  return at != known_.end() && at->id == mailbox ? &*at : nullptr;
}

void WatchList::compare(Known& known, const schema::WatchedMailbox& now, bool fresh, const OwnChanges& own,
                        MailboxId selected, News& news) const {
  const schema::MailboxRow& row = now.mailbox;
  const bool readable = (now.rights & schema::kRead) != 0;
  if (known.no_access == readable) {  // it was not so before
    const bool told =
        std::any_of(news.names.begin(), news.names.end(), [&](const NameNews& one) { return one.path == row.path; });
    if (!told) {
      NameNews access;
      access.path = row.path;
      access.exists = true;
      access.no_access = !readable;
      access.use = row.use;
      news.names.push_back(std::move(access));
    }
    known.no_access = !readable;
    if (readable) fresh = true;
  }
  if (!readable) return;  // not watched until that is granted (RFC 5465 5.9)
  CounterNews one;
  one.events = known.events;
  one.fresh = fresh;
  one.counts = known.uidnext != row.uidnext.value || known.messages != row.messages;
  one.unseen = known.unseen != row.unseen;
  one.modseq = known.highestmodseq != row.highestmodseq.value;
  // Each own change took a MODSEQ: when they account for all of them, nobody else changed anything.
  const auto ours = own.modseqs.find(row.ref());
  const bool by_client =
      ours != own.modseqs.end() && row.highestmodseq.value == known.highestmodseq + ours->second && !fresh;
  known.uidvalidity = row.uidvalidity.value;
  known.uidnext = row.uidnext.value;
  known.messages = row.messages;
  known.unseen = row.unseen;
  known.highestmodseq = static_cast<std::uint32_t>(row.highestmodseq.value);
  if (by_client || row.id == selected || (known.events & kMessageEvents) == 0) return;
  // Another mailbox may have had this name: its UIDVALIDITY is told though it is empty (RFC 5465 5.1).
  if (fresh && (known.events & (kFlagChange | kAnnotationChange)) != 0 && !own.names.contains(row.path))
    one.counts = true;
  if (!one.counts && !one.unseen && !one.modseq && names_) return;
  one.mailbox = row;
  news.counters.push_back(std::move(one));
}

Result<News> WatchList::advance(const schema::WatchedAccount& now, std::shared_ptr<const AccountNames> names,
                                const OwnChanges& own, MailboxId selected) {
  News news;
  if (names_ && names_ != names) compare_names(*names_, *names, own, news);
  Ids before_ids;
  if (names_ && names_ != names) before_ids = ids_of(*names_);
  std::vector<Known> known;
  for (const schema::WatchedMailbox& one : now.mailboxes) {
    const std::string& path = one.mailbox.path;
    const unsigned events = events_of(path, names->subscribed(path));
    if (events == 0) continue;
    if (known.size() >= most_) return fail(Failure::limit, "Too many mailboxes to watch");
    const Known* before = find(one.mailbox.id);
    Known next = before != nullptr ? *before : Known{};
    next.id = one.mailbox.id;
    next.events = static_cast<std::uint8_t>(events);
    // The client knows another mailbox by this name: this one is told whatever is in it.
    const MailboxId namesake = id_of(before_ids, path);
    const bool replaces = namesake && namesake != one.mailbox.id;
    if (replaces) next.uidnext = 0;
    // One that comes into view is compared with an empty one: what is in it arrived unseen.
    compare(next, one, before == nullptr || replaces, own, selected, news);
    known.push_back(next);
  }
  std::sort(known.begin(), known.end(), [](const Known& a, const Known& b) { return a.id < b.id; });
  known.shrink_to_fit();
  known_ = std::move(known);
  names_ = std::move(names);
  return news;
}

Result<News> WatchList::advance(const std::vector<MailboxId>& asked, const std::vector<schema::WatchedMailbox>& now,
                                const OwnChanges& own, MailboxId selected) {
  if (now.size() != asked.size()) return fail(Failure::not_found, "A mailbox is gone");
  const auto known_as = [this](MailboxId id) {
    const auto at = std::lower_bound(known_.begin(), known_.end(), id,
                                     [](const Known& known, MailboxId wanted) { return known.id < wanted; });
    return at == known_.end() || at->id != id ? nullptr : &*at;
  };
  // All or none: what was compared once is not told again.
  for (const schema::WatchedMailbox& one : now) {
    if (known_as(one.mailbox.id) == nullptr || names_->path(one.mailbox.id) == nullptr) {
      return fail(Failure::not_found, "A mailbox is not known");
    }
  }
  News news;
  for (const schema::WatchedMailbox& one : now) {
    schema::WatchedMailbox named = one;
    named.mailbox.path = *names_->path(one.mailbox.id);
    compare(*known_as(one.mailbox.id), named, false, own, selected, news);
  }
  return news;
}

void WatchList::seen(const schema::MailboxRow& mailbox) {
  const auto at = std::lower_bound(known_.begin(), known_.end(), mailbox.id,
                                   [](const Known& known, MailboxId id) { return known.id < id; });
  if (at == known_.end() || at->id != mailbox.id) return;
  at->uidnext = mailbox.uidnext.value;
  at->messages = mailbox.messages;
  at->unseen = mailbox.unseen;
  at->highestmodseq = static_cast<std::uint32_t>(mailbox.highestmodseq.value);
}

// Which names LIST must tell of: RFC 5465 5.4, 5.5.
class WatchList::Renaming {
 public:
  Renaming(const WatchList& list, const AccountNames& before, const AccountNames& now, const OwnChanges& own)
      : list_(list), before_(before), now_(now), own_(own), old_ids_(ids_of(before)), new_ids_(ids_of(now)) {
    for (const auto& entry : now.entries) {
      for (std::string parent = parent_of(entry.path); !parent.empty(); parent = parent_of(parent)) {
        if (!parents_.insert(parent).second) break;
      }
    }
  }

  // In an order that a client which knows names can follow: what is gone, what moved, what is new.
  void run(std::vector<NameNews>& out) {
    for (const auto& entry : before_.entries) {
      if (now_.path(entry.id) == nullptr && !new_ids_.contains(entry.path)) changed(entry.path, false);
    }
    renames();
    for (const auto& entry : now_.entries) {
      if (before_.path(entry.id) == nullptr) changed(entry.path, true);
    }
    // What the client made itself and somebody removed before it was seen here.
    for (const auto& [path, exists] : own_.names) {
      if (exists && of_this_account(path) && !new_ids_.contains(path) && !old_ids_.contains(path) && wanted(path)) {
        say(path);
      }
    }
    for (const std::string& parent : affected_parents_) {
      if (wanted(parent)) say(parent);
    }
    // Names of all accounts are subscribed in one's own.
    if (!list_.of_share_) subscriptions();
    for (NameNews& one : said_) out.push_back(std::move(one));
  }

 private:
  [[nodiscard]] bool wanted(const std::string& path, unsigned event = kMailboxName) const {
    return (list_.events_of(path, before_.subscribed(path) || now_.subscribed(path)) & event) != 0;
  }
  [[nodiscard]] bool own(const std::string& path, bool exists) const {
    const auto at = own_.names.find(path);
    return at != own_.names.end() && at->second == exists;
  }

  [[nodiscard]] bool of_this_account(const std::string& path) const {
    return list_.of_share_ ? path.starts_with(list_.prefix_) : !schema::leads_elsewhere(path);
  }

  void say(const std::string& path, const std::string& old_path = {}) {
    if (!told_.insert(path).second && old_path.empty()) return;
    NameNews one;
    one.path = path;
    one.old_path = old_path;
    one.subscribed = now_.subscribed(path);
    one.has_children = parents_.contains(path);
    if (const MailboxId id = id_of(new_ids_, path)) {
      const AccountNames::Entry& entry = *now_.find(id);
      one.exists = true;
      one.no_access = !entry.readable;
      one.use = entry.use;
    }
    said_.push_back(std::move(one));
  }

  void changed(const std::string& path, bool made) {
    if (own(path, made)) return;
    if (wanted(path)) say(path);
    if (std::string parent = parent_of(path); !parent.empty()) affected_parents_.insert(std::move(parent));
  }

  struct Place {
    MailboxId id;
    std::string believed;  // where the client takes it to be, with what was said so far
    const std::string* now;
    bool busy = false;
  };

  // Each told rename takes along what the client believes to be below: "its children are renamed too". Whatever then is
  // not where it should be is told itself.
  void renames() {
    std::vector<Place> places;
    bool any = false;
    for (const auto& entry : now_.entries) {
      const std::string* old_path = before_.path(entry.id);
      if (old_path == nullptr) continue;
      any = any || *old_path != entry.path;
      places.push_back({entry.id, *old_path, &entry.path});
    }
    if (!any) return;
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return *a.now < *b.now; });
    for (Place& place : places) settle(places, place);
  }

  void settle(std::vector<Place>& places, Place& place) {
    if (place.busy || place.believed == *place.now) return;
    place.busy = true;
    for (Place& other : places) {  // whoever the client takes to be there goes first; of a ring one cannot
      if (&other != &place && other.believed == *place.now) settle(places, other);
    }
    const std::string from = place.believed;
    place.believed = *place.now;
    const bool by_client = own(from, false) && own(*place.now, true);
    if (!by_client && !wanted(from) && !wanted(*place.now)) return;
    if (!by_client) say(*place.now, from);
    const std::string below = from + '/';
    for (Place& other : places) {
      if (other.believed.starts_with(below)) other.believed = *place.now + other.believed.substr(from.size());
    }
  }

  void subscriptions() {
    std::vector<std::string> changed;
    std::set_symmetric_difference(before_.subscriptions.begin(), before_.subscriptions.end(),
                                  now_.subscriptions.begin(), now_.subscriptions.end(), std::back_inserter(changed));
    // … and what the client changed itself, when somebody changed it back.
    for (const auto& [path, on] : own_.subscriptions) {
      if (before_.subscribed(path) == now_.subscribed(path)) changed.push_back(path);
    }
    for (const std::string& path : changed) {
      const auto ours = own_.subscriptions.find(path);
      if (ours != own_.subscriptions.end() && ours->second == now_.subscribed(path)) continue;
      if (wanted(path, kSubscriptionChange)) say(path);
    }
  }

  const WatchList& list_;
  const AccountNames& before_;
  const AccountNames& now_;
  const OwnChanges& own_;
  const Ids old_ids_;
  const Ids new_ids_;
  std::unordered_set<std::string> parents_;  // paths that have inferiors now
  std::set<std::string> affected_parents_;
  std::unordered_set<std::string> told_;
  std::vector<NameNews> said_;
};

void WatchList::compare_names(const AccountNames& before, const AccountNames& now, const OwnChanges& own,
                              News& news) const {
  Renaming(*this, before, now, own).run(news.names);
}

}  // namespace cpm::imap
