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

void ChangeHub::touch(Watch& watch) {
  // A session already marked has not looked yet: one wake-up is enough.
  if (!watch.dirty_.exchange(true)) watch.wake_();
}

void ChangeHub::changed(AccountId account, MailboxId mailbox) {
  remote(account, mailbox);
  if (publish_) publish_(account, mailbox);
}

void ChangeHub::remote(AccountId account, MailboxId mailbox) {
  const std::lock_guard lock(mutex_);
  const auto at = watches_.find({account.value, mailbox.value});
  if (at == watches_.end()) return;
  for (Watch* watch : at->second) touch(*watch);
}

void ChangeHub::all_changed() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, watches] : watches_) {
    for (Watch* watch : watches) touch(*watch);
  }
}

std::size_t ChangeHub::watchers() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [key, watches] : watches_) count += watches.size();
  return count;
}

void ChangeHub::remove(Watch* watch) {
  const std::lock_guard lock(mutex_);
  const auto at = watches_.find({watch->account_.value, watch->mailbox_.value});
  if (at == watches_.end()) return;
  std::erase(at->second, watch);
  if (at->second.empty()) watches_.erase(at);
}

}  // namespace cpm::imap
