// Distinct integer types, so that a UID is never passed where a sequence number is meant.
// All values that reach the wire stay below 2^31: deployed clients parse signed 32 bits (MSS-83).
// Runs on: any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace cpm {

template <class Tag, class Int>
struct Id {
  using value_type = Int;
  Int value{};

  constexpr Id() = default;
  constexpr explicit Id(Int v) : value(v) {}
  constexpr auto operator<=>(const Id&) const = default;
  constexpr explicit operator bool() const { return value != Int{}; }
};

using AccountId = Id<struct AccountTag, std::int64_t>;  // random 63 bit, 0 = none
using MailboxId = Id<struct MailboxTag, std::int32_t>;  // per account, never reused, 0 = none (the root)
using ContentId = Id<struct ContentTag, std::int64_t>;  // random 63 bit, per account
using Uid = Id<struct UidTag, std::uint32_t>;           // RFC 9051 2.3.1.1
using Msn = Id<struct MsnTag, std::uint32_t>;           // message sequence number, 1-based
using UidValidity = Id<struct UidValidityTag, std::uint32_t>;
using ModSeq = Id<struct ModSeqTag, std::uint64_t>;  // RFC 7162 3.1

inline constexpr std::uint32_t kMaxWireNumber = 0x7fffffff;

}  // namespace cpm

template <class Tag, class Int>
struct std::hash<cpm::Id<Tag, Int>> {
  std::size_t operator()(const cpm::Id<Tag, Int>& id) const noexcept { return std::hash<Int>{}(id.value); }
};
