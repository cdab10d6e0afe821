// A named SQL statement: see query.h. Runs on: any thread.
#pragma once

namespace cpm::schema {

struct Query {
  const char* name;
  const char* sql;
};

}  // namespace cpm::schema
