#include "imap/session/change_hub.h"

#include <algorithm>

namespace cpm::imap {

ChangeHub::Watch::~Watch() { hub_.remove(this); }

std::unique_ptr<ChangeHub::Watch> ChangeHub::watch(AccountId account, MailboxId mailbox, std::function<void()> wake) {
  std::unique_ptr<Watch> watch(new Watch(*this, account, mailbox, std::move(wake)));
  const std::lock_guard lock(mutex_);
  watches_[{account.value, mailbox.value}].push_back(watch.get());
  return watch;
}

ChangeHub::AccountWatch::~AccountWatch() { hub_.remove(this); }

ChangeHub::AccountWatch::Dirty ChangeHub::AccountWatch::take_dirty() {
  const std::lock_guard lock(hub_.mutex_);
  dirty_ = false;
  return std::exchange(what_, {});
}

std::unique_ptr<ChangeHub::AccountWatch> ChangeHub::watch(AccountId account, std::function<void()> wake) {
  std::unique_ptr<AccountWatch> watch(new AccountWatch(*this, account, std::move(wake)));
  const std::lock_guard lock(mutex_);
  account_watches_[account.value].push_back(watch.get());
  return watch;
}

void ChangeHub::touch(AccountWatch& watch, std::optional<MailboxId> mailbox) {
  AccountWatch::Dirty& what = watch.what_;
  if (!mailbox) {
    what.everything = true;
  } else if (*mailbox == kNamesChanged) {
    what.names = true;
  } else if (!what.everything &&
             std::find(what.mailboxes.begin(), what.mailboxes.end(), *mailbox) == what.mailboxes.end()) {
    what.mailboxes.push_back(*mailbox);
    what.everything = what.mailboxes.size() > kMostMarks;
  }
  if (what.everything) std::vector<MailboxId>().swap(what.mailboxes);
  if (!watch.dirty_.exchange(true)) watch.wake_();
}

void ChangeHub::touch(Watch& watch) {
  // A session already marked has not looked yet: one wake-up is enough.
  if (!watch.dirty_.exchange(true)) watch.wake_();
}

void ChangeHub::changed(AccountId account, MailboxId mailbox) {
  remote(account, mailbox);
  if (publish_) publish_(account, mailbox);
}

void ChangeHub::remote(AccountId account, MailboxId mailbox) {
  const bool keys = mailbox < kAnyMetadata;
  const MailboxId watched = keys ? keys_of(mailbox) : mailbox;
  const std::lock_guard lock(mutex_);
  if (const auto at = watches_.find({account.value, watched.value}); at != watches_.end()) {
    for (Watch* watch : at->second) {
      if (keys) watch->keys_changed_ = true;
      touch(*watch);
    }
  }
  if (keys || mailbox == kAnyMetadata) return;
  if (const auto at = account_watches_.find(account.value); at != account_watches_.end()) {
    for (AccountWatch* watch : at->second) touch(*watch, mailbox);
  }
}

void ChangeHub::all_changed() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, watches] : watches_) {
    for (Watch* watch : watches) touch(*watch);
  }
  for (auto& [account, watches] : account_watches_) {
    for (AccountWatch* watch : watches) touch(*watch, std::nullopt);
  }
}

std::size_t ChangeHub::watchers() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [key, watches] : watches_) count += watches.size();
  for (const auto& [account, watches] : account_watches_) count += watches.size();
  return count;
}

void ChangeHub::remove(Watch* watch) {
  const std::lock_guard lock(mutex_);
  const auto at = watches_.find({watch->account_.value, watch->mailbox_.value});
  if (at == watches_.end()) return;
  std::erase(at->second, watch);
  if (at->second.empty()) watches_.erase(at);
}

void ChangeHub::remove(AccountWatch* watch) {
  const std::lock_guard lock(mutex_);
  const auto at = account_watches_.find(watch->account_.value);
  if (at == account_watches_.end()) return;
  std::erase(at->second, watch);
  if (at->second.empty()) account_watches_.erase(at);
}

}  // namespace cpm::imap
