#include "admin/deposit/depositor.h"

#include "admin/deposit/object_builder.h"

#include <algorithm>

namespace cpm::deposit {

namespace {

// Failures of the batch as a whole: trying its objects alone would end the same.
bool of_the_whole(Failure failure) {
  switch (failure) {
    case Failure::unavailable:
    case Failure::in_doubt:
    case Failure::timeout:
    case Failure::not_found:
    case Failure::try_create:
    case Failure::internal: return true;
    default: return false;
  }
}

std::string lines_text(std::span<const Object> objects) {
  const std::size_t first = objects.front().line, last = objects.back().line;
  if (first == 0 || first == last) return line_prefix(first);
  return "lines " + std::to_string(first) + " to " + std::to_string(last) + ": ";
}

}  // namespace

Depositor::Depositor(ImapClient& client, const DepositSettings& settings, Stored stored)
    : client_(client), settings_(settings), stored_(std::move(stored)) {}

Result<void> Depositor::add(Object object) {
  if (failed_line_ != 0) return fail(Failure::invalid, "the deposit has ended");
  const std::size_t most = client_.has("MULTIAPPEND") ? std::max<std::size_t>(settings_.batch, 1) : 1;
  const std::uint64_t size = object.size();
  const bool full = !waiting_.empty() && (waiting_.front().mailbox != object.mailbox || waiting_.size() >= most ||
                                          waiting_octets_ + size > settings_.batch_octets);
  Result<void> flushed;
  if (full) flushed = flush();
  waiting_.push_back(std::move(object));  // after a failure too: repeat() may mend it
  waiting_octets_ += size;
  if (!flushed) return flushed;
  return waiting_.size() >= most ? flush() : Result<void>();
}

Result<void> Depositor::flush() {
  std::vector<Object> objects = std::move(waiting_);
  waiting_.clear();
  waiting_octets_ = 0;
  return store_or_keep(std::move(objects));
}

Result<void> Depositor::repeat() {
  std::vector<Object> objects = std::move(failed_batch_);
  failed_batch_.clear();
  failed_line_ = 0;
  in_doubt_.clear();
  return store_or_keep(std::move(objects));
}

Result<void> Depositor::store_or_keep(std::vector<Object> objects) {
  if (objects.empty()) return {};
  const std::uint64_t before = summary_.stored;
  auto stored = store_batch(objects);
  if (stored) return {};
  // Those that were stored one by one are in front.
  objects.erase(objects.begin(), objects.begin() + static_cast<std::ptrdiff_t>(summary_.stored - before));
  failed_batch_ = std::move(objects);
  return stored;
}

Result<void> Depositor::store_batch(std::span<const Object> objects) {
  const std::string& mailbox = objects.front().mailbox;
  if (settings_.once && !uid_next_.contains(mailbox)) {
    const auto next = client_.uid_next(mailbox);
    if (!next) return failed(objects, next.error());
    uid_next_[mailbox] = next->value_or(1);
  }
  return store(objects);
}

Result<void> Depositor::store(std::span<const Object> objects) {
  const auto appended = client_.append(objects.front().mailbox, objects);
  if (appended) {
    count(objects, *appended);
    if (stored_) stored_(objects, *appended);
    return {};
  }
  if (objects.size() == 1 || !client_.usable() || of_the_whole(appended.error().failure))
    return failed(objects, appended.error());
  for (std::size_t i = 0; i < objects.size(); ++i) CPM_CHECK(store(objects.subspan(i, 1)));
  return {};
}

Error Depositor::failed(std::span<const Object> objects, Error error) {
  failed_line_ = std::max<std::size_t>(objects.front().line, 1);
  if (error.failure == Failure::in_doubt) {
    for (const Object& object : objects) in_doubt_.push_back(object.line);
  }
  error.text = lines_text(objects) + error.text;
  return error;
}

void Depositor::count(std::span<const Object> objects, const Appended& appended) {
  MailboxSummary& mailbox = summary_.mailboxes[objects.front().mailbox];
  mailbox.uidvalidity = appended.uidvalidity;
  mailbox.objects += objects.size();
  mailbox.created |= appended.created;
  const auto before = uid_next_.find(objects.front().mailbox);
  for (const std::uint32_t uid : appended.uids) {
    mailbox.uids.add(uid);
    if (before == uid_next_.end()) continue;
    if (uid < before->second) ++summary_.existing;
    before->second = std::max(before->second, uid + 1);
  }
  summary_.stored += objects.size();
  for (const Object& object : objects) summary_.octets += object.size();
  summary_.last_line = objects.back().line;
}

}  // namespace cpm::deposit
