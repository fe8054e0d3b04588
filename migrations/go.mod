module urbanhomeschool.org/uhs/migrations

go 1.26
