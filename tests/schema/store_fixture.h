// What the tests of messages share: an account of its own, short forms of the store's functions, and the check of the
// store.
#pragma once

#include "schema/append.h"
#include "schema/check.h"
#include "schema/fetch.h"
#include "schema/messages.h"
#include "tests/support/test_database.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace cpm::schema {

inline NewMessage new_message(std::string octets, FlagSet flags = {}) {
  NewMessage out;
  const auto blank = octets.find("\r\n\r\n");
  out.head.header_octets = blank == std::string::npos ? 0 : blank + 4;
  out.head.header = octets.substr(0, out.head.header_octets);
  out.head.envelope = "(envelope)";
  out.head.body = "(body)";
  out.head.body_structure = "(structure)";
  out.head.part_map = std::string("map\0\xff", 5);
  out.flags = std::move(flags);
  out.internal_date = std::chrono::sys_seconds{std::chrono::seconds{1'700'000'000}};
  struct Octets final : ByteSource {
    explicit Octets(std::string bytes) : text(std::move(bytes)), memory(text) {}
    [[nodiscard]] std::uint64_t size() const override { return text.size(); }
    std::size_t read(std::uint64_t offset, char* to, std::size_t length) override {
      return memory.read(offset, to, length);
    }
    std::string text;
    MemorySource memory;
  };
  out.octets = std::make_shared<Octets>(std::move(octets));
  return out;
}

class Store : public ::testing::Test {
 protected:
  template <class Function>
  auto in_transaction(Function function) {
    return test_.database().run_blocking(support::TestDatabase::kPatience, std::move(function));
  }
  // Calls `function(tx, grant)`.
  template <class Function>
  auto with(std::string_view path, Function function) {
    return in_transaction([&](Transaction& tx) {
      auto grant = authorize(tx, alice_, path, kRead);
      using R = decltype(function(tx, *grant));
      if (!grant) return R(grant.error());
      return function(tx, *grant);
    });
  }

  Result<AppendResult> append_messages(std::string_view path, std::vector<NewMessage> messages) {
    return with(path, [&](Transaction& tx, const Grant& grant) -> Result<AppendResult> {
      std::vector<StagedMessage> staged;
      for (const NewMessage& message : messages) {
        CPM_TRY(one, stage(tx, grant.account(), message, limits_));
        staged.push_back(std::move(one));
      }
      return deposit(tx, grant, staged, limits_);
    });
  }
  AppendResult append(std::string_view path, std::size_t count = 1, FlagSet flags = {}, std::size_t size = 10) {
    std::vector<NewMessage> messages;
    for (std::size_t i = 0; i < count; ++i)
      messages.push_back(new_message(std::string(size, static_cast<char>('a' + i % 26)), flags));
    return append_messages(path, std::move(messages)).value();
  }
  Result<StoreResult> store_result(std::string_view path, StoreRequest request) {
    return with(path, [&](Transaction& tx, const Grant& grant) { return store_flags(tx, grant, request, limits_); });
  }
  StoreResult store(std::string_view path, UidSet uids, FlagChange change, FlagSet flags,
                    std::optional<ModSeq> unchanged = {}) {
    return store_result(path, {std::move(uids), change, std::move(flags), unchanged}).value();
  }
  ExpungeResult expunge_in(std::string_view path, std::optional<UidSet> only = {}) {
    return with(path, [&](Transaction& tx, const Grant& grant) { return expunge(tx, grant, only); }).value();
  }
  Result<CopyResult> transfer(bool move, std::string_view from, UidSet uids, std::string_view to) {
    return in_transaction([&](Transaction& tx) -> Result<CopyResult> {
      CPM_TRY(source, authorize(tx, alice_, from, kRead));
      CPM_TRY(target, authorize(tx, alice_, to, kRead));
      return move ? move_messages(tx, source, uids, target, limits_) : copy_messages(tx, source, uids, target, limits_);
    });
  }
  CopyResult copy(std::string_view from, UidSet uids, std::string_view to) {
    return transfer(false, from, std::move(uids), to).value();
  }
  CopyResult move(std::string_view from, UidSet uids, std::string_view to) {
    return transfer(true, from, std::move(uids), to).value();
  }
  ChangeSet changes(std::string_view path, std::uint64_t since = 0) {
    return with(path, [&](Transaction& tx, const Grant& grant) { return changes_since(tx, grant, ModSeq{since}); })
        .value();
  }
  MailboxRow row(std::string_view path) {
    return with(path, [&](Transaction&, const Grant& grant) -> Result<MailboxRow> { return grant.mailbox(); }).value();
  }
  std::string account_value(const std::string& columns) {
    return test_.value("select " + columns +
                       " from account where account_id = " + std::to_string(alice_.account.value));
  }
  // No invariant of the store is broken.
  void expect_consistent() {
    const auto done = check(test_.database(), {alice_.address, true}, [](const CheckFinding& finding) {
      ADD_FAILURE() << finding.mailbox << ": " << finding.what;
    });
    ASSERT_TRUE(done.has_value()) << done.error().detail;
  }

  support::TestDatabase& test_ = support::TestDatabase::shared();
  Principal alice_ = support::make_account(test_.database());
  Limits limits_;
};

}  // namespace cpm::schema
